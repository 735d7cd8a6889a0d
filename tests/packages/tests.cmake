# What cpack makes: a tar.gz and Debian's packages, one of them installed by dpkg into a root of its own. They run in this order. A sanitizer's
# build is packed for nobody.
if(NOT CTVK_SANITIZE)
  foreach(name make archive debian installed)
    set(script packages.py)
    if(name STREQUAL "installed")
      set(script installed.py)
    endif()
    add_test(NAME packages.${name} COMMAND ${CTVK_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/${script} ${name})
    set_tests_properties(
      packages.${name}
      PROPERTIES
        TIMEOUT 300
        ENVIRONMENT
        "CTVK_SOURCE=${PROJECT_SOURCE_DIR};CTVK_BUILD=${PROJECT_BINARY_DIR};CTVK_CC=${CMAKE_C_COMPILER};CTVK_CXX=${consumer_cxx};VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}"
    )
  endforeach()
  set_tests_properties(packages.make PROPERTIES FIXTURES_SETUP packages_made)
  set_tests_properties(packages.archive packages.debian packages.installed PROPERTIES FIXTURES_REQUIRED packages_made RESOURCE_LOCK packages)
endif()
