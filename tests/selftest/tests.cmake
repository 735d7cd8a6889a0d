# The self-test of devices: sound drivers pass (test_*.c), and one that a layer of ours makes compute wrongly is refused, by its operation.
set(selftest_folder ${CMAKE_CURRENT_LIST_DIR})
set(selftest_layer ${CMAKE_CURRENT_BINARY_DIR}/selftest_layer)
add_library(selftest_corrupt_layer MODULE ${selftest_folder}/corrupt_layer.c)
target_include_directories(selftest_corrupt_layer PRIVATE ${Vulkan_INCLUDE_DIRS})
set_target_properties(selftest_corrupt_layer PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${selftest_layer} PREFIX "")
set(layer ./selftest_corrupt_layer.so)
configure_file(${selftest_folder}/corrupt_layer.json.in ${selftest_layer}/corrupt_layer.json @ONLY)
foreach(driver lavapipe swiftshader)
  string(TOUPPER ${driver}_ICD icd)
  add_test(NAME selftest.refuse.${driver} COMMAND ${CTVK_PYTHON} ${selftest_folder}/refuse.py)
  set_tests_properties(
    selftest.refuse.${driver}
    PROPERTIES
      TIMEOUT 900 ENVIRONMENT
      "VK_DRIVER_FILES=${${icd}};VK_ICD_FILENAMES=${${icd}};CTVK_LAYER=${selftest_layer};CTVK_SPIRV=${PROJECT_BINARY_DIR}/shaders;PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
endforeach()
add_test(NAME selftest.command COMMAND ${CTVK_PYTHON} ${selftest_folder}/command.py)
set_tests_properties(
  selftest.command
  PROPERTIES
    TIMEOUT 900 ENVIRONMENT
    "VK_DRIVER_FILES=${LAVAPIPE_ICD}:${SWIFTSHADER_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD}:${SWIFTSHADER_ICD};CTVK_LAYER=${selftest_layer};CTVK_SPIRV=${PROJECT_BINARY_DIR}/shaders;PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
