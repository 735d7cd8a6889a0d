# A model of Llama-2-7B's shapes: three layers against the same ones resident; all of it (3.6 GB on disk for half a minute). A measuring program, by hand.
foreach(program llama_7b bench_llama)
  add_executable(nets_${program} ${CMAKE_CURRENT_SOURCE_DIR}/nets/${program}.c)
  set_target_properties(nets_${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(nets_${program} PRIVATE ctvk_test_support)
endforeach()
add_test(NAME nets.llama_7b COMMAND nets_llama_7b 3 4)
add_test(NAME nets.llama_7b_whole COMMAND nets_llama_7b)
set_tests_properties(nets.llama_7b nets.llama_7b_whole PROPERTIES TIMEOUT 900 ENVIRONMENT "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};${ctvk_test_env}")
