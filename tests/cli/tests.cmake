# The command as its users meet it: damaged input, and whole runs on small seeded bundles. Python's standard library only.
set(ctvk_cli_folder ${CMAKE_CURRENT_LIST_DIR})
set(ctvk_cli_tests damaged outputs several contract forms text bundle_self_test tune precision)
if(NOT CTVK_SANITIZE) # whose own memory hides the command's
  list(APPEND ctvk_cli_tests memory)
endif()
foreach(name IN LISTS ctvk_cli_tests)
  add_test(NAME cli.${name} COMMAND ${CTVK_PYTHON} ${ctvk_cli_folder}/${name}.py)
  set_tests_properties(cli.${name} PROPERTIES TIMEOUT 600
                       ENVIRONMENT "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
endforeach()
# The picture of ctvk-draw.
add_test(NAME cli.draw COMMAND ${CTVK_PYTHON} ${ctvk_cli_folder}/draw.py)
set_tests_properties(cli.draw PROPERTIES TIMEOUT 120 ENVIRONMENT "CTVK_DRAW=$<TARGET_FILE:ctvk_draw>;PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
# On both drivers: a trace, beside PyTorch's count of what the network takes; the golden texts of the published code where they lie (a test of
# nothing would be none).
set(ctvk_cli_both trace)
if(CTVK_GOLDEN)
  list(APPEND ctvk_cli_both golden_text)
endif()
foreach(name IN LISTS ctvk_cli_both)
  foreach(driver lavapipe swiftshader)
    string(TOUPPER ${driver} icd)
    add_test(NAME cli.${name}.${driver} COMMAND ${CTVK_PYTHON} ${ctvk_cli_folder}/${name}.py)
    set_tests_properties(cli.${name}.${driver} PROPERTIES TIMEOUT 900 ENVIRONMENT
                         "VK_DRIVER_FILES=${${icd}_ICD};VK_ICD_FILENAMES=${${icd}_ICD};PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
  endforeach()
endforeach()
set_tests_properties(cli.tune PROPERTIES FIXTURES_REQUIRED abi_bundles)
