# The JSON schemas of manifest/ against every bundle here, against the library's own checks, and against the headers.
set(manifest_folder ${CMAKE_CURRENT_LIST_DIR})
foreach(name bundles refusals plugin)
  add_test(NAME manifest.${name} COMMAND ${CTVK_PYTHON} ${manifest_folder}/schema.py ${name})
  set_tests_properties(manifest.${name} PROPERTIES TIMEOUT 300 ENVIRONMENT
                                                   "CTVK_BUILD=${PROJECT_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
endforeach()
