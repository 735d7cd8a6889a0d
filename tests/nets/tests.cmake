# A model of Llama-2-7B's shapes: three layers in the ordinary run, all 32 by hand (nets_llama_7b).
add_executable(nets_llama_7b nets/llama_7b.c)
set_target_properties(nets_llama_7b PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
target_link_libraries(nets_llama_7b PRIVATE ctvk_test_support)
add_test(NAME nets.llama_7b COMMAND nets_llama_7b 3 4)
set_tests_properties(nets.llama_7b PROPERTIES TIMEOUT 900 ENVIRONMENT "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};${ctvk_test_env}")
