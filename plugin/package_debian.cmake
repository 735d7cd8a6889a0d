# Run by cpack on the staged trees of its packages: what Debian has of its own.
if(CPACK_GENERATOR STREQUAL DEB)
  foreach(pair runtime:ctvk development:ctvk-dev)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 component)
    list(GET pair 1 package)
    set(root ${CPACK_TEMPORARY_DIRECTORY}/${component}/usr)
    set(folder ${root}/share/doc/${package})
    file(COPY "@PROJECT_SOURCE_DIR@/docs/debian/copyright" DESTINATION ${folder})
    execute_process(COMMAND "@GZIP@" -9nc "@PROJECT_BINARY_DIR@/debian/changelog" OUTPUT_FILE ${folder}/changelog.gz COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE ${folder}/LICENSE) # in /usr/share/common-licenses
  endforeach()
endif()
