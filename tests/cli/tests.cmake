# The command as its users meet it: damaged input, and whole runs on small seeded bundles. Python's standard library only.
find_program(CTVK_PYTHON NAMES python3 REQUIRED)
set(ctvk_cli_folder ${CMAKE_CURRENT_LIST_DIR})
if(CTVK_SANITIZE)
  target_sources(ctvk_command PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/abi/keep_driver.c)
endif()
set(ctvk_cli_tests damaged outputs contract)
if(NOT CTVK_SANITIZE) # whose own memory hides the command's
  list(APPEND ctvk_cli_tests memory)
endif()
foreach(name IN LISTS ctvk_cli_tests)
  add_test(NAME cli.${name} COMMAND ${CTVK_PYTHON} ${ctvk_cli_folder}/${name}.py)
  set_tests_properties(cli.${name} PROPERTIES TIMEOUT 600
                       ENVIRONMENT "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
endforeach()
