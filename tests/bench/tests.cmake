# The benchmark itself is no test; what it concludes from its numbers is.
add_test(NAME bench.table COMMAND ${CTVK_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/test_table.py)
add_test(NAME bench.figures COMMAND ${CTVK_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/test_figures.py)
set_tests_properties(bench.table bench.figures PROPERTIES TIMEOUT 60 ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
