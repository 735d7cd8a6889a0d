# The benchmark itself is no test; what it concludes from its numbers is.
add_test(NAME bench.table COMMAND ${CTVK_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/test_table.py)
set_tests_properties(bench.table PROPERTIES TIMEOUT 60 ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
# A host that keeps the language model open, for the time without a start.
add_executable(bench_embed ${CMAKE_CURRENT_LIST_DIR}/embed.c)
set_target_properties(bench_embed PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
target_include_directories(bench_embed PRIVATE ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(bench_embed PRIVATE ctvk)
# The C side of what the Python host costs.
add_executable(bench_host ${CMAKE_CURRENT_LIST_DIR}/host.c)
set_target_properties(bench_host PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
target_include_directories(bench_host PRIVATE ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(bench_host PRIVATE ctvk)
