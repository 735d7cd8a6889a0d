# The Python of plugin/train, with Debian's packages (numpy, scipy, torch, nibabel).
set(ctvk_train_folder ${CMAKE_CURRENT_LIST_DIR})
foreach(name gguf llama golden convert patients prompts text_side loop finetune experiment ship)
  add_test(NAME train.${name} COMMAND ${CTVK_PYTHON} ${ctvk_train_folder}/test_${name}.py)
  set_tests_properties(train.${name} PROPERTIES TIMEOUT 900
                       ENVIRONMENT "VK_DRIVER_FILES=${LAVAPIPE_ICD};VK_ICD_FILENAMES=${LAVAPIPE_ICD};PYTHONDONTWRITEBYTECODE=1;${ctvk_test_env}")
endforeach()
