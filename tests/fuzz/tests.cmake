# Each format's fuzz target: replayed over its corpus by the ordinary tests, and in the preset "clang" (CTVK_FUZZ) a libFuzzer program, of which
# those of GGUF and of the tokenizers, which meet files and texts of anybody, run a million times. For longer:
#   build-clang/tests/fuzz_nifti -max_total_time=300 NEW_FOLDER tests/fuzz/corpus/nifti
if(CTVK_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "CTVK_FUZZ needs clang: configure with CC=clang")
  endif()
  # The rooms under test are compiled once more: coverage and sanitizers belong into them, not into every other target.
  set(fuzz_flags -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)
  file(GLOB fuzz_rooms CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/plugin/core/*.c ${PROJECT_SOURCE_DIR}/plugin/formats/*.c)
endif()

set(fuzz_support_tokenizer_spm support/small_vocabulary.c support/gguf_writer.c ref/dequant.c)
set(fuzz_support_tokenizer_bpe ${fuzz_support_tokenizer_spm})

foreach(name manifest safetensors gguf nifti bundle_path tokenizer_spm tokenizer_bpe)
  add_executable(fuzz_${name}_replay fuzz/fuzz_${name}.c fuzz/replay.c)
  set_target_properties(fuzz_${name}_replay PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(fuzz_${name}_replay PRIVATE ctvk_test_support)
  add_test(NAME fuzz.${name}.replay COMMAND fuzz_${name}_replay ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
  set_tests_properties(fuzz.${name}.replay PROPERTIES TIMEOUT 300)
  if(CTVK_FUZZ)
    add_executable(fuzz_${name} fuzz/fuzz_${name}.c ${fuzz_support_${name}} ${fuzz_rooms})
    set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
    target_include_directories(fuzz_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/plugin
                                                    ${NIFTI_INCLUDE} ${CJSON_INCLUDE})
    target_compile_options(fuzz_${name} PRIVATE ${fuzz_flags})
    target_link_options(fuzz_${name} PRIVATE ${fuzz_flags})
    target_link_libraries(fuzz_${name} PRIVATE ZLIB::ZLIB ${NIFTI_IO} ${NIFTI_ZNZ} ${CJSON} m)
    if(name MATCHES "gguf|tokenizer")
      # What libFuzzer finds new goes into the working folder, not into the tree's corpus.
      set(found ${CMAKE_CURRENT_BINARY_DIR}/fuzz_found/${name})
      file(MAKE_DIRECTORY ${found})
      add_test(NAME fuzz.${name}.million COMMAND fuzz_${name} -runs=1000000 -timeout=10 -verbosity=0 -artifact_prefix=${found}/ ${found}
                                                 ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
      set_tests_properties(fuzz.${name}.million PROPERTIES TIMEOUT 1800)
    endif()
  endif()
endforeach()
