# Every embedded module must be valid SPIR-V, and AMD's Mesa driver must compile it without spilling, for four generations of GPUs: docs/radv.md
# is its table.
find_program(SPIRV_VAL spirv-val REQUIRED)
add_test(NAME spirv.valid COMMAND ${CMAKE_COMMAND} -DSPIRV_VAL=${SPIRV_VAL} -DFOLDER=${CMAKE_BINARY_DIR}/shaders -P
                                  ${CMAKE_CURRENT_SOURCE_DIR}/spirv/validate.cmake)

find_file(RADV_ICD radeon_icd.x86_64.json PATHS /usr/share/vulkan/icd.d NO_DEFAULT_PATH)
add_executable(spirv_radv_compile spirv/radv_compile.c)
set_target_properties(spirv_radv_compile PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
target_link_libraries(spirv_radv_compile PRIVATE ctvk_test_support)
add_test(NAME spirv.radv COMMAND ${CTVK_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/spirv/radv_table.py $<TARGET_FILE:spirv_radv_compile> ${RADV_ICD}
                                 ${PROJECT_SOURCE_DIR}/docs/radv.md)
set_tests_properties(spirv.radv PROPERTIES TIMEOUT 900 ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")

# The probe that the tests of the GPU room run, and the same with a table of words.
set(probes)
foreach(name gpu_probe gpu_probe_words)
  set(probe ${CMAKE_CURRENT_BINARY_DIR}/${name}.spv.h)
  set(defines)
  if(name STREQUAL gpu_probe_words)
    set(defines -DWORDS)
  endif()
  add_custom_command(
    OUTPUT ${probe}
    COMMAND ${GLSLANG} -V --target-env vulkan1.1 --quiet ${defines} --vn spv_${name} -o ${probe} ${CMAKE_CURRENT_SOURCE_DIR}/spirv/gpu_probe.comp
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/spirv/gpu_probe.comp
    VERBATIM)
  list(APPEND probes ${probe})
endforeach()
add_custom_target(gpu_probe DEPENDS ${probes})
foreach(target ops_test_gpu_dispatch ops_test_gpu_failure ops_test_gpu_cache ops_test_gpu_trace ops_test_gpu_compile ops_test_gpu_hand_over ops_test_gpu_words)
  if(TARGET ${target})
    add_dependencies(${target} gpu_probe)
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
  endif()
endforeach()
