# What `cmake --install` puts in place: the program; Arrow's libraries beside it where they came from the
# pyarrow wheel; shell completions; documentation and the example; the contracts as .proto files; and, for
# other C++ programs, what find_package(forebay) gives:
#
#   find_package(forebay REQUIRED)
#   target_link_libraries(app PRIVATE forebay::project forebay::serving_proto)
#
#   forebay::project        loads and checks a project: schemas/definition/project.h
#   forebay::serving_proto  the gRPC service that a worker answers: forebay/v1/serving.grpc.pb.h

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(private_libraries ${CMAKE_INSTALL_LIBDIR}/forebay)
set(headers ${CMAKE_INSTALL_INCLUDEDIR}/forebay)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/forebay)

# ---- the program ----

file(RELATIVE_PATH from_program ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR}/forebay)
set_target_properties(forebay PROPERTIES INSTALL_RPATH "$ORIGIN/${from_program}")
install(TARGETS forebay RUNTIME)
if(FOREBAY_ARROW_WHEEL)
  install(FILES ${FOREBAY_ARROW_WHEEL} DESTINATION ${private_libraries})
  install(FILES ${FOREBAY_ARROW_WHEEL_LICENSES} DESTINATION ${CMAKE_INSTALL_DOCDIR}/licenses/arrow)
endif()

if(EXISTS ${RdKafka_ROOT}/LICENSES.txt)  # of what it was built from
  install(FILES ${RdKafka_ROOT}/LICENSES.txt DESTINATION ${CMAKE_INSTALL_DOCDIR}/licenses/librdkafka)
endif()

# What the program prints for a shell, at its place.
function(install_completion shell path)
  install(CODE "
    set(completion \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/${path}\")
    set(file \"\$ENV{DESTDIR}\${completion}\")
    message(STATUS \"Installing: \${file}\")
    get_filename_component(folder \${file} DIRECTORY)
    file(MAKE_DIRECTORY \${folder})
    execute_process(COMMAND \"$<TARGET_FILE:forebay>\" completion ${shell}
                    OUTPUT_FILE \${file} COMMAND_ERROR_IS_FATAL ANY)
    list(APPEND CMAKE_INSTALL_MANIFEST_FILES \${completion})")
endfunction()
install_completion(bash bash-completion/completions/forebay)
install_completion(zsh zsh/site-functions/_forebay)
install_completion(fish fish/vendor_completions.d/forebay.fish)

# ---- documentation and contracts ----

install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY examples/transactions DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples FILES_MATCHING PATTERN "*.yaml")
install(DIRECTORY schemas/forebay DESTINATION ${CMAKE_INSTALL_DATADIR}/forebay/proto FILES_MATCHING PATTERN "*.proto")

# ---- the library ----

# The targets of ours that a target links, itself included, each once.
function(forebay_closure target found)
  if(NOT target MATCHES "^forebay_" OR target IN_LIST ${found})
    return()
  endif()
  set(all ${${found}} ${target})
  get_target_property(linked ${target} INTERFACE_LINK_LIBRARIES)
  foreach(dependency ${linked})
    forebay_closure(${dependency} all)
  endforeach()
  set(${found} ${all} PARENT_SCOPE)
endfunction()

set(library)
forebay_closure(forebay_project library)
forebay_closure(forebay_serving_proto library)
foreach(target ${library})
  string(REPLACE "forebay_" "" exported ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${exported})
  target_compile_features(${target} INTERFACE cxx_std_20)
endforeach()
install(TARGETS ${library} EXPORT forebay ARCHIVE INCLUDES DESTINATION ${headers})
install(EXPORT forebay NAMESPACE forebay:: FILE forebayTargets.cmake DESTINATION ${package})
install(FILES schemas/definition/config.h schemas/definition/diagnostic.h schemas/definition/project.h
        DESTINATION ${headers}/schemas/definition)
install(FILES schemas/types/parquet_encoding.h schemas/types/s3_settings.h schemas/types/store_uri.h
        DESTINATION ${headers}/schemas/types)
install(DIRECTORY ${CMAKE_BINARY_DIR}/generated/forebay DESTINATION ${headers}
        FILES_MATCHING PATTERN "definition.pb.h" PATTERN "serving.*pb.h")

configure_package_config_file(cmake/forebayConfig.cmake.in ${CMAKE_BINARY_DIR}/forebayConfig.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/forebayConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/forebayConfig.cmake ${CMAKE_BINARY_DIR}/forebayConfigVersion.cmake
        DESTINATION ${package})
