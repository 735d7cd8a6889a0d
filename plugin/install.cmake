# cmake --install build --prefix P: command, library, headers, schemas, man pages, the demo bundle and its CT, the modules of 3D Slicer. The
# tree may be moved afterwards: the programs find the library beside themselves, pkg-config and CMake find the headers beside their own
# files. Two components, the packages of Debian: runtime (the default, see the root) and development.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(ctvk_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ctvk)
set(ctvk_data_dir ${CMAKE_INSTALL_DATADIR}/ctvk)

set_target_properties(ctvk_command ctvk_draw PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
install(TARGETS ctvk EXPORT ctvk_targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
install(TARGETS ctvk_command ctvk_draw RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY include/ctvk DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development FILES_MATCHING PATTERN *.h)
install(FILES manifest/bundle.schema.json manifest/plugin.schema.json manifest/selftest.schema.json manifest/plugin.json DESTINATION ${ctvk_data_dir})
install(DIRECTORY manifest/demo manifest/demo-vision DESTINATION ${ctvk_data_dir})
install(DIRECTORY tests/data/ct/ DESTINATION ${ctvk_data_dir}/demo-ct)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Man pages, packed as Debian packs them (no name, no time, so that every build makes the same bytes).
find_program(GZIP gzip REQUIRED)
foreach(page ctvk ctvk-draw ctvk-slicer)
  set(packed ${PROJECT_BINARY_DIR}/man/${page}.1.gz)
  add_custom_command(OUTPUT ${packed} COMMAND ${GZIP} -9nc ${PROJECT_SOURCE_DIR}/docs/${page}.1 > ${packed} DEPENDS docs/${page}.1 VERBATIM)
  list(APPEND ctvk_man ${packed})
endforeach()
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/man)
add_custom_target(man ALL DEPENDS ${ctvk_man})
install(FILES ${ctvk_man} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

# 3D Slicer without its extension: two folders for "Additional module paths". Slicer asks every program in such a folder for --xml, so that
# the CLI module has one of its own; the scripted modules look for the command three folders up.
set(slicer_dir ${CMAKE_INSTALL_LIBDIR}/ctvk)
set(slicer_source ${PROJECT_SOURCE_DIR}/plugin/slicer)
function(ctvk_install_link folder name target) # both within the tree
  file(RELATIVE_PATH there /${folder} /${target})
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/links/${folder})
  file(CREATE_LINK ${there} ${PROJECT_BINARY_DIR}/links/${folder}/${name} SYMBOLIC)
  install(FILES ${PROJECT_BINARY_DIR}/links/${folder}/${name} DESTINATION ${folder})
endfunction()
ctvk_install_link(${slicer_dir}/cli-modules ctvk-slicer ${CMAKE_INSTALL_BINDIR}/ctvk-slicer)
install(DIRECTORY ${slicer_source}/CTVOnVulkan/ ${slicer_source}/SegmentEditorCTVFromText/ DESTINATION ${slicer_dir}/qt-scripted-modules
        FILES_MATCHING PATTERN *.py PATTERN *.png)
set(slicer_demo ${slicer_dir}/qt-scripted-modules/Resources/Demo)
ctvk_install_link(${slicer_demo} demo ${ctvk_data_dir}/demo)
ctvk_install_link(${slicer_demo} ct.nii.gz ${ctvk_data_dir}/demo-ct/lidc-idri-0314_small.nii.gz)

file(RELATIVE_PATH ctvk_prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" ctvk_prefix_from_pc ${ctvk_prefix_from_pc})
configure_file(plugin/ctvk.pc.in ctvk.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/ctvk.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

install(EXPORT ctvk_targets NAMESPACE ctvk:: FILE ctvk-config.cmake DESTINATION ${ctvk_package_dir} COMPONENT development)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ctvk-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ctvk-config-version.cmake DESTINATION ${ctvk_package_dir} COMPONENT development)
