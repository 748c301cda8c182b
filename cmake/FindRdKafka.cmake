# librdkafka, as RdKafka::RdKafka. An archive (librdkafka.a) is taken to be what `./dev` builds: with
# OpenSSL, zlib, zstd and lz4, without Cyrus SASL and curl.
#
# Nothing is remembered in the cache: another RdKafka_ROOT is another librdkafka.

include(FindPackageHandleStandardArgs)

find_path(RdKafka_INCLUDE_DIR librdkafka/rdkafka.h NO_CACHE)
find_library(RdKafka_LIBRARY rdkafka NO_CACHE)

if(RdKafka_INCLUDE_DIR)
  file(STRINGS ${RdKafka_INCLUDE_DIR}/librdkafka/rdkafka.h version REGEX "^#define +RD_KAFKA_VERSION +0x[0-9a-f]+")
  string(REGEX MATCH "0x(..)(..)(..)" version "${version}")
  math(EXPR major "0x${CMAKE_MATCH_1}")
  math(EXPR minor "0x${CMAKE_MATCH_2}")
  math(EXPR patch "0x${CMAKE_MATCH_3}")
  set(RdKafka_VERSION ${major}.${minor}.${patch})
endif()

find_package_handle_standard_args(RdKafka REQUIRED_VARS RdKafka_LIBRARY RdKafka_INCLUDE_DIR
                                  VERSION_VAR RdKafka_VERSION)

if(RdKafka_FOUND AND NOT TARGET RdKafka::RdKafka)
  add_library(RdKafka::RdKafka UNKNOWN IMPORTED)
  set_target_properties(RdKafka::RdKafka PROPERTIES IMPORTED_LOCATION ${RdKafka_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${RdKafka_INCLUDE_DIR})
  if(RdKafka_LIBRARY MATCHES "\\.a$")
    find_package(OpenSSL REQUIRED)
    find_package(ZLIB REQUIRED)
    find_package(Threads REQUIRED)
    find_library(RdKafka_ZSTD_LIBRARY zstd REQUIRED)
    find_library(RdKafka_LZ4_LIBRARY lz4 REQUIRED)
    set_target_properties(RdKafka::RdKafka PROPERTIES INTERFACE_LINK_LIBRARIES
                          "OpenSSL::SSL;OpenSSL::Crypto;ZLIB::ZLIB;${RdKafka_ZSTD_LIBRARY};${RdKafka_LZ4_LIBRARY};Threads::Threads;${CMAKE_DL_LIBS};m")
  endif()
endif()
