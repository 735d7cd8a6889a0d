# cmake -DSPIRV_VAL=... -DFOLDER=... -P validate.cmake: every .spv of the folder.
file(GLOB modules ${FOLDER}/*.spv)
if(NOT modules)
  message(FATAL_ERROR "no module in ${FOLDER}")
endif()
# Cooperative matrices are younger than this release's tools; tests/drivers has validation layers that know them.
list(FILTER modules EXCLUDE REGEX "/conv3d_cooperative_[^/]*$")
foreach(module IN LISTS modules)
  execute_process(COMMAND ${SPIRV_VAL} --target-env vulkan1.1 ${module} RESULT_VARIABLE result ERROR_VARIABLE text)
  if(NOT result EQUAL 0)
    message(SEND_ERROR "${module}: ${text}")
  endif()
endforeach()
