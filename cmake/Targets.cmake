# One library per folder, one test binary per library.
#
#   forebay_library(forebay_types SOURCES duration.cc time.cc DEPENDS absl::status)
#   forebay_test(types_test SOURCES time_test.cc DEPENDS forebay_types)
#
# Sources are compiled several at a time (FOREBAY_UNITY), so names in their unnamed namespaces must
# differ within a library; SEPARATE: file by file, where they are better alike.
# Includes are written from the root of the repository: #include "schemas/types/time.h".

# Whether anything in the folder casts pointers to bytes.
function(forebay_checks_alignment target)
  if(NOT FOREBAY_SANITIZE MATCHES "undefined")
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS *.h *.cc)
  foreach(source ${sources})
    file(STRINGS ${source} casts REGEX "reinterpret_cast" LIMIT_COUNT 1)
    if(casts)
      target_compile_options(${target} PRIVATE -fsanitize=alignment)
      return()
    endif()
  endforeach()
endfunction()

function(forebay_library name)
  cmake_parse_arguments(ARG "SEPARATE" "" "SOURCES;DEPENDS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    if(ARG_SEPARATE)
      set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
    endif()
    target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>)
    target_link_libraries(${name} PUBLIC ${ARG_DEPENDS})
    forebay_checks_alignment(${name})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>)
    target_link_libraries(${name} INTERFACE ${ARG_DEPENDS})
  endif()
endfunction()

# All test binaries, and those with the label: what the sanitized builds of ./dev test make.
add_custom_target(unit_tests)
add_custom_target(concurrent_tests)

# Links three times as fast, and there are sixty tests to link.
include(CheckLinkerFlag)
check_linker_flag(CXX -fuse-ld=gold FOREBAY_HAS_GOLD)

# A GoogleTest binary, run by ctest under its own name. LABELS concurrent: also run under TSan.
# LONG: run first, so that it does not end alone.
function(forebay_test name)
  if(NOT FOREBAY_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "LONG;SEPARATE" "" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  if(ARG_SEPARATE)
    set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  # Half the time to compile; what is tested keeps its optimisation, and fortify needs one.
  target_compile_options(${name} PRIVATE -O0 -U_FORTIFY_SOURCE)
  if(FOREBAY_HAS_GOLD)
    target_link_options(${name} PRIVATE -fuse-ld=gold)
  endif()
  forebay_checks_alignment(${name})
  if(FOREBAY_SANITIZE STREQUAL "thread")
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/sanitizers/abseil_mutex.cc
                   ${CMAKE_SOURCE_DIR}/tests/sanitizers/arrow_device.cc)
    target_link_libraries(${name} PRIVATE absl::synchronization forebay_arrow ${CMAKE_DL_LIBS})
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 900)
  if(ARG_LONG)
    set_tests_properties(${name} PROPERTIES COST 100)
  endif()
  add_dependencies(unit_tests ${name})
  if("concurrent" IN_LIST ARG_LABELS)
    add_dependencies(concurrent_tests ${name})
  endif()
  if(ARG_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}")
  endif()
endfunction()
