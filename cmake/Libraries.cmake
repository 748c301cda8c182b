# The libraries that others keep. Arrow and Parquet come from an installed Arrow C++ where CMake
# finds one, else from the pyarrow wheel in the virtual environment that `./dev` makes; librdkafka
# from RdKafka_ROOT, where `./dev` has built it, or the system.

list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(RocksDB REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CURL REQUIRED)

find_package(OpenSSL REQUIRED)
find_package(RdKafka 2.12 REQUIRED)
add_library(forebay_rdkafka INTERFACE)
target_link_libraries(forebay_rdkafka INTERFACE RdKafka::RdKafka)

# For programs that run for long: records are allocated on one thread and freed on another, which
# glibc's malloc is slow at. Sanitizers bring their own.
add_library(forebay_allocator INTERFACE)
if(NOT FOREBAY_SANITIZE)
  find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
  target_link_libraries(forebay_allocator INTERFACE ${JEMALLOC_LIBRARY})
endif()

find_library(PG_QUERY_LIBRARY pg_query REQUIRED)
add_library(forebay_pg_query INTERFACE)
target_link_libraries(forebay_pg_query INTERFACE $<BUILD_INTERFACE:${PG_QUERY_LIBRARY}>
                      $<INSTALL_INTERFACE:pg_query>)

add_library(forebay_arrow INTERFACE)
find_package(Arrow QUIET)
find_package(Parquet QUIET)
if(Arrow_FOUND AND Parquet_FOUND)
  target_link_libraries(forebay_arrow INTERFACE Arrow::arrow_shared Parquet::parquet_shared)
else()
  set(FOREBAY_PYTHON "" CACHE FILEPATH "Python of the virtual environment with pyarrow")
  if(NOT FOREBAY_PYTHON)
    message(FATAL_ERROR "Arrow C++ is not installed and FOREBAY_PYTHON is not set: run ./dev program, which does both")
  endif()
  execute_process(COMMAND ${FOREBAY_PYTHON} -c "import pyarrow, os; print(os.path.dirname(pyarrow.__file__)); print(pyarrow.__version__.split('.')[0])"
                  OUTPUT_VARIABLE pyarrow_facts OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE pyarrow_result)
  if(NOT pyarrow_result EQUAL 0)
    message(FATAL_ERROR "${FOREBAY_PYTHON} cannot import pyarrow: run ./dev program")
  endif()
  string(REPLACE "\n" ";" pyarrow_facts "${pyarrow_facts}")
  list(GET pyarrow_facts 0 pyarrow_folder)
  list(GET pyarrow_facts 1 pyarrow_major)
  target_include_directories(forebay_arrow SYSTEM INTERFACE ${pyarrow_folder}/include)
  # Each needs the one after it, and finds it in its own folder.
  set(FOREBAY_ARROW_WHEEL ${pyarrow_folder}/libparquet.so.${pyarrow_major}00 ${pyarrow_folder}/libarrow.so.${pyarrow_major}00)
  file(GLOB FOREBAY_ARROW_WHEEL_LICENSES ${pyarrow_folder}-*.dist-info/licenses/*)
  target_link_libraries(forebay_arrow INTERFACE ${FOREBAY_ARROW_WHEEL})
  # libparquet exports the OpenSSL that it was built with, another version: the system's is asked first.
  add_link_options("LINKER:--push-state,--no-as-needed,${OPENSSL_SSL_LIBRARY},${OPENSSL_CRYPTO_LIBRARY},--pop-state")
  set(CMAKE_BUILD_RPATH ${pyarrow_folder})
endif()

if(FOREBAY_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck QUIET)
endif()
if(FOREBAY_BENCH)
  find_package(benchmark REQUIRED)
endif()
