# The libraries that Drover stands on, all of them Debian packages. Each is linked by the one folder that may use it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
# Its CMake package would look for the libraries of parts that we do not use.
pkg_check_modules(PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)

# wslay's own CMake files name a target only from some versions on; the library and the header are all we need.
find_library(WSLAY_LIBRARY wslay REQUIRED)
find_path(WSLAY_INCLUDE_DIR wslay/wslay.h REQUIRED)
add_library(drover_wslay INTERFACE)
target_link_libraries(drover_wslay INTERFACE ${WSLAY_LIBRARY})
target_include_directories(drover_wslay SYSTEM INTERFACE ${WSLAY_INCLUDE_DIR})

# Header only, compiled into the one file that hashes.
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
add_library(drover_xxhash INTERFACE)
target_include_directories(drover_xxhash SYSTEM INTERFACE ${XXHASH_INCLUDE_DIR})

# llhttp: Debian 12 ships C sources (node-llhttp), Debian 13 a library (libllhttp-dev). In the sources strict mode is
# a compile-time choice that Debian's header leaves off: without it a bare CR can start a header.
find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)
if(LLHTTP_SOURCE_DIR)
  add_library(drover_llhttp STATIC
    ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c ${LLHTTP_SOURCE_DIR}/llhttp.c)
  target_include_directories(drover_llhttp SYSTEM PUBLIC /usr/share/include/llhttp)
  target_compile_definitions(drover_llhttp PUBLIC LLHTTP_STRICT_MODE=1)
else()
  find_library(LLHTTP_LIBRARY llhttp REQUIRED)
  find_path(LLHTTP_INCLUDE_DIR llhttp.h REQUIRED)
  add_library(drover_llhttp INTERFACE)
  target_link_libraries(drover_llhttp INTERFACE ${LLHTTP_LIBRARY})
  target_include_directories(drover_llhttp SYSTEM INTERFACE ${LLHTTP_INCLUDE_DIR})
endif()

if(DROVER_TESTS)
  find_package(benchmark REQUIRED)
endif()
