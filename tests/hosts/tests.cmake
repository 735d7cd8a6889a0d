# Hosts other than the command. The Python package runs on Debian's python3 with numpy; nibabel reads the images.
add_test(NAME hosts.python COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/python_host.py)
set_tests_properties(hosts.python PROPERTIES TIMEOUT 600 ENVIRONMENT
                     "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};PYTHONDONTWRITEBYTECODE=1;CTVK_SOURCE=${PROJECT_SOURCE_DIR};CTVK_LIBRARY=$<TARGET_FILE:ctvk>;${ctvk_test_env}")
# Slicer's CLI module. The readers of others come from PyPI into an environment under the build folder, once.
add_test(NAME hosts.slicer_cli COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/slicer_cli.py)
set_tests_properties(
  hosts.slicer_cli
  PROPERTIES TIMEOUT 900 ENVIRONMENT
  "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};PYTHONDONTWRITEBYTECODE=1;CTVK_SOURCE=${PROJECT_SOURCE_DIR};CTVK_SLICER=$<TARGET_FILE:ctvk_slicer>;CTVK_SLICER_SHARED=$<TARGET_FILE:ctvk_slicer_module>;CTVK_SLICER_VENV=${CMAKE_CURRENT_BINARY_DIR}/slicer-venv;${ctvk_test_env}")
