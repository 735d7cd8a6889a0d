# cmake --install build --prefix P: command, library, headers, schemas and the demo bundle. The tree may be moved afterwards: the command
# finds the library beside itself, pkg-config and CMake find the headers beside their own files.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(ctvk_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ctvk)
set(ctvk_data_dir ${CMAKE_INSTALL_DATADIR}/ctvk)

set_target_properties(ctvk_command ctvk_draw PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
install(TARGETS ctvk EXPORT ctvk_targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS ctvk_command ctvk_draw RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/ctvk DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)
configure_file(manifest/plugin.json.in plugin.json @ONLY)
install(FILES manifest/bundle.schema.json manifest/plugin.schema.json ${PROJECT_BINARY_DIR}/plugin.json DESTINATION ${ctvk_data_dir})
install(DIRECTORY manifest/demo DESTINATION ${ctvk_data_dir})
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

file(RELATIVE_PATH ctvk_prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" ctvk_prefix_from_pc ${ctvk_prefix_from_pc})
configure_file(plugin/ctvk.pc.in ctvk.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/ctvk.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(EXPORT ctvk_targets NAMESPACE ctvk:: FILE ctvk-config.cmake DESTINATION ${ctvk_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ctvk-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ctvk-config-version.cmake DESTINATION ${ctvk_package_dir})
