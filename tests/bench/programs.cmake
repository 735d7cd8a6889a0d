# The programs that the benchmark measures with; no test needs them.
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
# The limits of a device, by shaders that the library does not have.
set(limit_headers "")
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/limits.comp limit_variants REGEX "^// variant: ")
foreach(line IN LISTS limit_variants)
  string(REGEX MATCH "limit_([a-z0-9_]+) (.+)$" found "${line}")
  set(variant ${CMAKE_MATCH_1})
  set(definition ${CMAKE_MATCH_2})
  set(header ${CMAKE_CURRENT_BINARY_DIR}/limit_${variant}.spv.h)
  add_custom_command(
    OUTPUT ${header}
    COMMAND ${GLSLANG} -V --target-env vulkan1.1 --quiet ${definition} --vn spv_limit_${variant} -o ${header} ${CMAKE_CURRENT_LIST_DIR}/limits.comp
    DEPENDS ${CMAKE_CURRENT_LIST_DIR}/limits.comp
    VERBATIM)
  list(APPEND limit_headers ${header})
endforeach()
add_executable(bench_limits ${CMAKE_CURRENT_LIST_DIR}/limits.c ${limit_headers})
set_target_properties(bench_limits PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
target_include_directories(bench_limits PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
target_link_libraries(bench_limits PRIVATE ctvk_test_support)
