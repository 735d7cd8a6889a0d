# A model of Llama-2-7B's shapes: three layers against the same ones resident; all of it (3.6 GB on disk for half a minute). A measuring program, by hand.
foreach(program llama_7b bench_llama bench_llmseg)
  add_executable(nets_${program} ${CMAKE_CURRENT_SOURCE_DIR}/nets/${program}.c)
  set_target_properties(nets_${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(nets_${program} PRIVATE ctvk_test_support)
endforeach()
add_test(NAME nets.llama_7b COMMAND nets_llama_7b 3 4)
add_test(NAME nets.llama_7b_whole COMMAND nets_llama_7b)
set_tests_properties(nets.llama_7b nets.llama_7b_whole PROPERTIES TIMEOUT 900 ENVIRONMENT "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};${ctvk_test_env}")

# The smallest device that is promised to do runs the golden cases: with a software driver's variants, and with those that a GPU would take.
add_test(NAME nets.smallest.lavapipe COMMAND nets_test_golden all)
# SwiftShader, which takes three times as long for the latter, has the repository's cases.
add_test(NAME nets.smallest_gpu.lavapipe COMMAND nets_test_golden all gpu)
add_test(NAME nets.smallest_gpu.swiftshader COMMAND nets_test_golden all gpu)
set_tests_properties(nets.smallest.lavapipe nets.smallest_gpu.lavapipe PROPERTIES TIMEOUT 900 ENVIRONMENT "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};${ctvk_test_env}")
set_tests_properties(nets.smallest_gpu.swiftshader PROPERTIES TIMEOUT 1800 ENVIRONMENT "VK_DRIVER_FILES=${SWIFTSHADER_ICD};VK_ICD_FILENAMES=${SWIFTSHADER_ICD};${ctvk_test_env};CTVK_GOLDEN=")
# What a GPU takes where nothing is masked, in both precisions, on the repository's cases; the one above has all.
add_test(NAME nets.golden_gpu.lavapipe COMMAND nets_test_golden "" gpu)
add_test(NAME nets.golden_gpu_f16.lavapipe COMMAND nets_test_golden "" gpu f16)
set_tests_properties(nets.golden_gpu.lavapipe nets.golden_gpu_f16.lavapipe PROPERTIES TIMEOUT 900 ENVIRONMENT "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};${ctvk_test_env};CTVK_GOLDEN=")
# Every variant of the convolutions that a tuning pass may choose; SwiftShader has one.
add_test(NAME nets.variants.lavapipe COMMAND nets_test_golden variants)
set_tests_properties(nets.variants.lavapipe PROPERTIES TIMEOUT 900 ENVIRONMENT "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};${ctvk_test_env}")
# With the finest skip connection in 16 bits a number; SwiftShader has nets.half.
add_test(NAME nets.golden_f16.lavapipe COMMAND nets_test_golden "" f16)
set_tests_properties(nets.golden_f16.lavapipe PROPERTIES TIMEOUT 900 ENVIRONMENT "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};${ctvk_test_env}")
# One table: every driver and width of subgroups, every capability taken away.
add_executable(nets_matrix ${CMAKE_CURRENT_SOURCE_DIR}/nets/matrix.c)
set_target_properties(nets_matrix PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
target_link_libraries(nets_matrix PRIVATE ctvk_test_support)
add_test(NAME nets.matrix COMMAND ${CTVK_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/nets/matrix.py $<TARGET_FILE:nets_matrix> ${LAVAPIPE_ICD} ${SWIFTSHADER_ICD}
                                  ${CMAKE_CURRENT_BINARY_DIR}/tmp/matrix)
set_tests_properties(nets.matrix PROPERTIES TIMEOUT 900 PROCESSORS 2 ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
