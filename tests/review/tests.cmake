# ctvk review: the page as a file, and in a real browser (Debian's chromium, headless). No device is needed.
set(review_folder ${CMAKE_CURRENT_LIST_DIR})
foreach(name page browser)
  add_test(NAME review.${name} COMMAND ${CTVK_PYTHON} ${review_folder}/${name}.py)
  set_tests_properties(review.${name} PROPERTIES TIMEOUT 300 ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
endforeach()
