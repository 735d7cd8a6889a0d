# House rules: who includes whom, names and sizes (and that the checker finds what is planted), format, clang-tidy. A tool that is missing
# is a failure that names the package.
set(doors_folder ${CMAKE_CURRENT_LIST_DIR})
add_test(NAME doors.planted COMMAND ${CTVK_PYTHON} ${doors_folder}/doors.py --planted)
add_test(NAME doors.rooms COMMAND ${CTVK_PYTHON} ${doors_folder}/doors.py)
foreach(tool format tidy)
  add_test(NAME doors.${tool} COMMAND ${CTVK_PYTHON} ${doors_folder}/lint.py ${tool} ${PROJECT_BINARY_DIR})
endforeach()
set_tests_properties(doors.planted doors.rooms doors.format doors.tidy PROPERTIES TIMEOUT 900 ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
set_tests_properties(doors.tidy PROPERTIES RUN_SERIAL ON) # it takes every core by itself
