# The installed tree, and hosts in C (pkg-config) and C++ (find_package) that know nothing else. They run in this order.
set(consumer_folder ${CMAKE_CURRENT_LIST_DIR})
if(CMAKE_C_COMPILER_ID MATCHES Clang)
  set(consumer_cxx clang++)
else()
  set(consumer_cxx g++)
endif()
foreach(name install c cpp)
  add_test(NAME consumer.${name} COMMAND ${CTVK_PYTHON} ${consumer_folder}/consumer.py ${name})
  set_tests_properties(
    consumer.${name}
    PROPERTIES
      TIMEOUT 300
      ENVIRONMENT
      "CTVK_BUILD=${PROJECT_BINARY_DIR};CTVK_CC=${CMAKE_C_COMPILER};CTVK_CXX=${consumer_cxx};VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}"
  )
endforeach()
set_tests_properties(consumer.install PROPERTIES FIXTURES_SETUP consumer_tree)
set_tests_properties(consumer.c consumer.cpp PROPERTIES FIXTURES_REQUIRED consumer_tree)
