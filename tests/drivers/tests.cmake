# A driver of the next Debian release (newer.py) for what this one's drivers have not: cooperative matrices. Its tests fail where it has none.
set(newer_folder ${CMAKE_BINARY_DIR}/newer-driver)
set(newer ${CTVK_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/newer.py)
if(NOT CTVK_SANITIZE) # whose libraries are this release's
  add_test(NAME drivers.newer.fetch COMMAND ${newer} fetch ${newer_folder})
  set_tests_properties(drivers.newer.fetch PROPERTIES TIMEOUT 600 FIXTURES_SETUP newer_driver)
  # name, program, arguments
  function(ctvk_newer_test name program)
    add_test(NAME drivers.newer.${name} COMMAND ${newer} run ${newer_folder} $<TARGET_FILE:${program}> ${ARGN})
    set_tests_properties(drivers.newer.${name} PROPERTIES TIMEOUT 900 FIXTURES_REQUIRED newer_driver
                         ENVIRONMENT "CTVK_NEEDS_COOPERATIVE=1;PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env};CTVK_GOLDEN=")
  endfunction()
  ctvk_newer_test(conv3d ops_test_conv3d)
  ctvk_newer_test(cooperative ops_test_conv3d_cooperative)
  ctvk_newer_test(trials selftest_test_trials)
  ctvk_newer_test(golden nets_test_golden cooperative)
  add_executable(drivers_write_modules ${CMAKE_CURRENT_LIST_DIR}/write_modules.c)
  set_target_properties(drivers_write_modules PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(drivers_write_modules PRIVATE ctvk_test_support)
  add_test(NAME drivers.newer.valid COMMAND ${newer} validate ${newer_folder} $<TARGET_FILE:drivers_write_modules>)
  set_tests_properties(drivers.newer.valid PROPERTIES TIMEOUT 120 FIXTURES_REQUIRED newer_driver ENVIRONMENT "PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
  # AMD's compiler for a GPU of gfx11, as in tests/spirv: no spills, at most 32 KiB of shared memory.
  add_test(NAME drivers.newer.radv COMMAND ${newer} amd ${newer_folder} $<TARGET_FILE:spirv_radv_compile> navi31 cooperative)
  set_tests_properties(drivers.newer.radv PROPERTIES TIMEOUT 300 FIXTURES_REQUIRED newer_driver
                       ENVIRONMENT "RADV_FORCE_FAMILY=navi31;MESA_SHADER_CACHE_DISABLE=true;PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
endif()
