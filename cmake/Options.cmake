# Warnings, hardening and sanitizers, for every target of the project.

add_compile_options(-Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers
                    -fno-omit-frame-pointer)
if(FOREBAY_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wthread-safety)  # checks abseil's annotations, which g++ skips
endif()
# Nothing here is loaded into other programs, so no function is ever replaced by another of its name:
# without this, position-independent code neither inlines them nor calls them directly.
add_compile_options(-fno-semantic-interposition)
if(FOREBAY_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-subobject-linkage)  # takes the joined sources for headers
endif()
add_compile_options(-fstack-protector-strong)
add_link_options(-Wl,-z,relro,-z,now)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported()

if(FOREBAY_SANITIZE)
  add_compile_options(-fsanitize=${FOREBAY_SANITIZE} -fno-sanitize-recover=all)
  if(FOREBAY_SANITIZE MATCHES "undefined")
    # Whether what pointers lead to is aligned takes a third of the time to compile, and is asked only
    # in folders that read bytes as something else (forebay_checks_alignment).
    add_compile_options(-fno-sanitize=alignment)
  endif()
  add_link_options(-fsanitize=${FOREBAY_SANITIZE})
else()
  # Fortify needs optimisation, and the sanitizers replace what it checks.
  add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
