# cpack -G DEB | TGZ, in the build folder of the preset "release": two Debian packages, ctvk (command, library, data, modules of 3D Slicer) and
# ctvk-dev (headers, pkg-config, CMake package), or one tar.gz of everything, which runs from wherever it is unpacked.
set(CTVK_MAINTAINER "The authors of ctvk <maintainer@ctvk.invalid>" CACHE STRING "Who stands behind the packages: name and address")
set(CPACK_PACKAGE_NAME ctvk)
set(CPACK_PACKAGE_VENDOR "The authors of ctvk")
set(CPACK_PACKAGE_CONTACT "${CTVK_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_FILE_NAME ctvk-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_THREADS 0)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

# What the programs are linked with is read from them; a Vulkan driver of whatever kind has no link.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ctvk)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}) # the programs' own library is in the same package
file(WRITE ${PROJECT_BINARY_DIR}/debian/shlibs "libctvk 1 ctvk (>= ${PROJECT_VERSION})\n")
file(WRITE ${PROJECT_BINARY_DIR}/debian/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${PROJECT_BINARY_DIR}/debian/shlibs ${PROJECT_BINARY_DIR}/debian/triggers)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS "mesa-vulkan-drivers | vulkan-icd")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
    "Draws radiotherapy target volumes (CTVs) from a CT and a clinical prompt, on\nany Vulkan device, GPU or CPU. The command ctvk, the library with its C\ninterface, a demo model, and modules for 3D Slicer. No medical device: a\ncontour must be checked and corrected by a physician.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME ctvk-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "ctvk (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
    "Headers, pkg-config file and CMake package of libctvk.so.1, the library that\ndraws radiotherapy target volumes from a CT and a clinical prompt.")

# What only Debian wants is done to the staged trees before they are packed (plugin/package_debian.cmake).
string(TIMESTAMP ctvk_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(docs/debian/changelog.in debian/changelog @ONLY)
configure_file(plugin/package_debian.cmake debian/package.cmake @ONLY)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_BINARY_DIR}/debian/package.cmake)
include(CPack)
