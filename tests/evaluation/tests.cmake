# ctvk evaluate: by itself, and against DeepMind's surface-distance from PyPI, which is installed into a virtual environment of its own.
set(evaluation_folder ${CMAKE_CURRENT_LIST_DIR})
set(evaluation_env "PYTHONDONTWRITEBYTECODE=1;CTVK_SOURCE=${PROJECT_SOURCE_DIR};CTVK_SURFACE_AREAS=$<TARGET_FILE:metrics_test_surface>;${ctvk_test_env}")
add_test(NAME evaluation.command COMMAND ${CTVK_PYTHON} ${evaluation_folder}/command.py)
add_test(NAME evaluation.referee COMMAND ${CTVK_PYTHON} ${evaluation_folder}/environment.py ${evaluation_folder}/referee.py)
set_tests_properties(evaluation.command evaluation.referee PROPERTIES TIMEOUT 900 ENVIRONMENT "${evaluation_env}")
