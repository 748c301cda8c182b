# One library per folder, one test binary per library.
#
#   forebay_library(forebay_types SOURCES duration.cc time.cc DEPENDS absl::status)
#   forebay_test(types_test SOURCES time_test.cc DEPENDS forebay_types)
#
# Sources are compiled several at a time (FOREBAY_UNITY), so names in their unnamed namespaces must
# differ within a library; SEPARATE: file by file, where they are better alike.
# Includes are written from the root of the repository: #include "schemas/types/time.h".

function(forebay_library name)
  cmake_parse_arguments(ARG "SEPARATE" "" "SOURCES;DEPENDS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    if(ARG_SEPARATE)
      set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
    endif()
    target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>)
    target_link_libraries(${name} PUBLIC ${ARG_DEPENDS})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>)
    target_link_libraries(${name} INTERFACE ${ARG_DEPENDS})
  endif()
endfunction()

# All test binaries, and those with the label: what the sanitized builds of ./dev test make.
add_custom_target(unit_tests)
add_custom_target(concurrent_tests)

# A GoogleTest binary, run by ctest under its own name. LABELS concurrent: also run under TSan.
function(forebay_test name)
  if(NOT FOREBAY_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "SEPARATE" "" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  if(ARG_SEPARATE)
    set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  # Half the time to compile; what is tested keeps its optimisation, and fortify needs one.
  target_compile_options(${name} PRIVATE -O0 -U_FORTIFY_SOURCE)
  if(FOREBAY_SANITIZE STREQUAL "thread")
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/sanitizers/abseil_mutex.cc
                   ${CMAKE_SOURCE_DIR}/tests/sanitizers/arrow_device.cc)
    target_link_libraries(${name} PRIVATE absl::synchronization forebay_arrow ${CMAKE_DL_LIBS})
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 900)
  add_dependencies(unit_tests ${name})
  if("concurrent" IN_LIST ARG_LABELS)
    add_dependencies(concurrent_tests ${name})
  endif()
  if(ARG_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}")
  endif()
endfunction()
