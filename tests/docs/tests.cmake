# What people read: the man pages against the programs.
set(docs_env "PYTHONDONTWRITEBYTECODE=1;CTVK_SOURCE=${PROJECT_SOURCE_DIR};CTVK_BUILD=${PROJECT_BINARY_DIR};CTVK_DRAW=$<TARGET_FILE:ctvk_draw>;CTVK_SLICER=$<TARGET_FILE:ctvk_slicer>;${ctvk_test_env}")
add_test(NAME docs.man COMMAND ${CTVK_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/man.py)
set_tests_properties(docs.man PROPERTIES TIMEOUT 60 ENVIRONMENT "${docs_env}")
# The reference of the headers; a warning of Doxygen fails.
add_test(NAME docs.reference COMMAND ${CTVK_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/reference.py)
set_tests_properties(docs.reference PROPERTIES TIMEOUT 120 ENVIRONMENT "${docs_env}")
# The README's ways to a contour.
add_test(NAME docs.readme COMMAND ${CTVK_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/readme.py)
set_tests_properties(docs.readme PROPERTIES TIMEOUT 300 ENVIRONMENT "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};${docs_env}")
