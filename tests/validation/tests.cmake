# The command under the validation layer, on both drivers; misuse shows that the layer sees what it should.
add_executable(validation_misuse validation/misuse.c)
target_link_libraries(validation_misuse PRIVATE Vulkan::Vulkan)
add_executable(validation_seed_bundle validation/seed_bundle.c)
target_link_libraries(validation_seed_bundle PRIVATE ctvk_test_support)
set_target_properties(validation_misuse validation_seed_bundle PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
foreach(driver lavapipe swiftshader)
  string(TOUPPER ${driver}_ICD icd)
  add_test(NAME validation.${driver} COMMAND ${CTVK_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/validate.py)
  set_tests_properties(
    validation.${driver}
    PROPERTIES
      TIMEOUT 900 ENVIRONMENT
      "VK_DRIVER_FILES=${${icd}};VK_ICD_FILENAMES=${${icd}};CTVK_TOOLS=${CMAKE_CURRENT_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
endforeach()
