# find_package(autoenc) gives the target autoenc::autoenc: the folder of autoenc.h, and what a program needs to link.
# One source file of the program defines AUTOENC_IMPLEMENTATION before it includes autoenc.h.
get_filename_component(_autoenc_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
include(CMakeFindDependencyMacro)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_dependency(Threads)
if(NOT TARGET autoenc::autoenc)
  add_library(autoenc::autoenc INTERFACE IMPORTED)
  set_target_properties(autoenc::autoenc PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${_autoenc_prefix}/include"
    INTERFACE_LINK_LIBRARIES "Threads::Threads;m")
endif()
unset(_autoenc_prefix)
