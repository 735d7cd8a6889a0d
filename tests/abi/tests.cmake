# The ABI as a host meets it: every test links the shared library and sees include/ only.
set(ctvk_abi_folder ${CMAKE_CURRENT_LIST_DIR})
set(ctvk_abi_env "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")

# The golden bundles with their weights, once for all of them.
add_executable(abi_make_bundles ${ctvk_abi_folder}/make_bundles.c)
set_target_properties(abi_make_bundles PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
target_link_libraries(abi_make_bundles PRIVATE ctvk_test_support)
add_test(NAME abi.bundles COMMAND abi_make_bundles ${CMAKE_CURRENT_SOURCE_DIR}/data/golden ${CMAKE_CURRENT_BINARY_DIR}/tmp/abi)
set_tests_properties(abi.bundles PROPERTIES FIXTURES_SETUP abi_bundles TIMEOUT 120)

# A locale with a comma as decimal point, whatever the machine has.
find_program(CTVK_LOCALEDEF localedef REQUIRED)
set(ctvk_abi_locale ${CMAKE_CURRENT_BINARY_DIR}/tmp/locale)
file(MAKE_DIRECTORY ${ctvk_abi_locale})
add_test(NAME abi.locale COMMAND ${CTVK_LOCALEDEF} -i de_DE -f UTF-8 ${ctvk_abi_locale}/de_DE.UTF-8)
set_tests_properties(abi.locale PROPERTIES FIXTURES_SETUP abi_locale TIMEOUT 120)

file(GLOB files CONFIGURE_DEPENDS ${ctvk_abi_folder}/test_*.c)
foreach(file IN LISTS files)
  get_filename_component(base ${file} NAME_WE)
  string(REPLACE "test_" "" short ${base})
  add_executable(abi_${base} ${file})
  set_target_properties(abi_${base} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  target_include_directories(abi_${base} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  if(CTVK_SANITIZE)
    target_compile_definitions(abi_${base} PRIVATE CTVK_SANITIZED)
    target_sources(abi_${base} PRIVATE ${ctvk_abi_folder}/keep_driver.c)
  endif()
  target_link_libraries(abi_${base} PRIVATE Threads::Threads m ${CMAKE_DL_LIBS})
  if(NOT short STREQUAL "process") # which loads the library itself
    target_link_libraries(abi_${base} PRIVATE ctvk)
  endif()
  if(short STREQUAL "vulkan") # the host's own side of it
    target_link_libraries(abi_${base} PRIVATE Vulkan::Vulkan)
    if(CTVK_SANITIZE) # also SwiftShader and the validation layer stay
      target_sources(abi_${base} PRIVATE support/asan/keep_drivers.c)
      set_target_properties(abi_${base} PROPERTIES ENABLE_EXPORTS ON)
    endif()
  endif()
  if(short MATCHES "^(json|hooks)$") # a host that uses cJSON itself
    target_include_directories(abi_${base} PRIVATE ${CJSON_INCLUDE})
    target_link_libraries(abi_${base} PRIVATE ${CJSON})
  endif()
  if(short STREQUAL "image") # writes large files
    target_include_directories(abi_${base} PRIVATE ${NIFTI_INCLUDE})
    target_link_libraries(abi_${base} PRIVATE ZLIB::ZLIB)
  endif()
  add_test(NAME abi.${short} COMMAND abi_${base})
  set_tests_properties(abi.${short} PROPERTIES TIMEOUT 600 FIXTURES_REQUIRED "abi_bundles;abi_locale"
                       ENVIRONMENT "CTVK_LIBRARY=$<TARGET_FILE:ctvk>;LOCPATH=${ctvk_abi_locale};${ctvk_abi_env}")
endforeach()
add_test(NAME abi.vulkan.swiftshader COMMAND abi_test_vulkan)
set_tests_properties(abi.vulkan.swiftshader PROPERTIES TIMEOUT 600 FIXTURES_REQUIRED "abi_bundles"
                     ENVIRONMENT "VK_DRIVER_FILES=${SWIFTSHADER_ICD};VK_ICD_FILENAMES=${SWIFTSHADER_ICD};${ctvk_test_env}")

# That a race would be seen at all.
if(CTVK_SANITIZE MATCHES "thread")
  add_executable(abi_planted_race ${ctvk_abi_folder}/planted_race.c ${ctvk_abi_folder}/keep_driver.c)
  set_target_properties(abi_planted_race PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  target_include_directories(abi_planted_race PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(abi_planted_race PRIVATE Threads::Threads ctvk ${CMAKE_DL_LIBS})
  add_test(NAME abi.planted_race COMMAND abi_planted_race)
  set_tests_properties(abi.planted_race PROPERTIES TIMEOUT 600 FIXTURES_REQUIRED abi_bundles ENVIRONMENT "${ctvk_abi_env}"
                       PASS_REGULAR_EXPRESSION "ThreadSanitizer: data race .*planted_race.c")
endif()

# Every function of every table, from C and through ctypes: every.py holds both against the headers.
add_executable(abi_every_host ${ctvk_abi_folder}/every_host.c)
set_target_properties(abi_every_host PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
target_include_directories(abi_every_host PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(abi_every_host PRIVATE Threads::Threads Vulkan::Vulkan ctvk)
if(NOT CTVK_SANITIZE) # whose runtime Python has not
  add_test(NAME abi.every COMMAND ${CTVK_PYTHON} ${ctvk_abi_folder}/every.py ${PROJECT_SOURCE_DIR} $<TARGET_FILE:ctvk> $<TARGET_FILE:abi_every_host>)
  set_tests_properties(abi.every PROPERTIES TIMEOUT 300 FIXTURES_REQUIRED abi_bundles ENVIRONMENT "${ctvk_abi_env}")
endif()

# What is asked of compilers and linker. The sanitizers' own builds export more, and are no release.
add_test(NAME abi.headers COMMAND ${CTVK_PYTHON} ${ctvk_abi_folder}/headers.py ${PROJECT_SOURCE_DIR}/include)
set_tests_properties(abi.headers PROPERTIES TIMEOUT 300 ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
if(NOT CTVK_SANITIZE)
  add_test(NAME abi.library COMMAND ${CTVK_PYTHON} ${ctvk_abi_folder}/library.py $<TARGET_FILE:ctvk> ${PROJECT_SOURCE_DIR} $<TARGET_FILE:ctvk_command>)
  set_tests_properties(abi.library PROPERTIES TIMEOUT 60 ENVIRONMENT "${ctvk_abi_env}")
endif()
# tests/abi/released.abi: the dump of the last release.
find_program(CTVK_ABIDIFF abidiff REQUIRED)
add_test(NAME abi.abidiff COMMAND ${CTVK_PYTHON} ${ctvk_abi_folder}/abidiff.py ${PROJECT_SOURCE_DIR}/include ${ctvk_abi_folder}/released.abi)
set_tests_properties(abi.abidiff PROPERTIES TIMEOUT 120 ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1")
