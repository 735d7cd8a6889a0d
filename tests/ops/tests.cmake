# Measuring programs, built with the tests and run by hand.
add_executable(ops_bench_conv3d ${CMAKE_CURRENT_SOURCE_DIR}/ops/bench_conv3d.c)
set_target_properties(ops_bench_conv3d PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
target_link_libraries(ops_bench_conv3d PRIVATE ctvk_test_support)
add_executable(ops_bench_quant_linear ${CMAKE_CURRENT_SOURCE_DIR}/ops/bench_quant_linear.c)
set_target_properties(ops_bench_quant_linear PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
target_link_libraries(ops_bench_quant_linear PRIVATE ctvk_test_support)
