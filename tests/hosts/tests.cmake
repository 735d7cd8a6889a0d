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
# The scripted module and the Segment Editor's effect, on stand-ins of Slicer's classes; and the extension's project on one of Slicer's package.
add_test(NAME hosts.slicer_module COMMAND /usr/bin/python3 -m pytest -p no:cacheprovider ${CMAKE_CURRENT_LIST_DIR}/slicer_module.py ${CMAKE_CURRENT_LIST_DIR}/slicer_effect.py)
set_tests_properties(hosts.slicer_module PROPERTIES TIMEOUT 900 ENVIRONMENT
                     "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};PYTHONDONTWRITEBYTECODE=1;CTVK_SOURCE=${PROJECT_SOURCE_DIR};${ctvk_test_env}")
add_test(NAME hosts.slicer_extension COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/slicer_extension.py)
set_tests_properties(hosts.slicer_extension PROPERTIES TIMEOUT 900 ENVIRONMENT
                     "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};PYTHONDONTWRITEBYTECODE=1;CTVK_SOURCE=${PROJECT_SOURCE_DIR};CTVK_BUILD=${PROJECT_BINARY_DIR};${ctvk_test_env}")
# The wheel, beside nibabel, SimpleITK and MONAI of PyPI, in an environment under the build folder that is made once.
add_test(NAME hosts.python_wheel COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/python_wheel.py)
set_tests_properties(hosts.python_wheel PROPERTIES TIMEOUT 900 ENVIRONMENT
                     "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};PYTHONDONTWRITEBYTECODE=1;CTVK_SOURCE=${PROJECT_SOURCE_DIR};CTVK_LIBRARY=$<TARGET_FILE:ctvk>;${ctvk_test_env}")
