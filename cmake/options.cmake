# Compiler settings that every target of ours gets, and the one way to declare a library.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(DROVER_TESTS "Build the tests" OFF)
option(DROVER_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(DROVER_SANITIZE "" CACHE STRING "Sanitizers for every target: 'address,undefined', 'thread' or empty")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

if(DROVER_SANITIZE)
  add_compile_options(-fsanitize=${DROVER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${DROVER_SANITIZE})
  if(DROVER_SANITIZE MATCHES "undefined")
    # This check opens a pipe to look at memory: with descriptors exhausted, as a test has it, it sees ghosts.
    add_compile_options(-fno-sanitize=vptr)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized)  # GCC's instrumentation confuses it: PR 105562, in <regex>
  endif()
endif()
if(DROVER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

add_library(drover_warnings INTERFACE)
target_compile_options(drover_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False positives on `"x" + std::string` under -O3: GCC PR 105651, fixed in 13.
  target_compile_options(drover_warnings INTERFACE -Wno-restrict)
endif()

# drover_library(name SOURCES a.cc … DEPENDS other …): the static library of one folder under src/.
function(drover_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  add_library(drover_${name} STATIC ${ARG_SOURCES})
  target_include_directories(drover_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  foreach(dependency IN LISTS ARG_DEPENDS)
    target_link_libraries(drover_${name} PUBLIC drover_${dependency})
  endforeach()
  target_link_libraries(drover_${name} PRIVATE drover_warnings ${ARG_PRIVATE})
endfunction()
