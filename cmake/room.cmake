# penumbra_room(NAME [TRUSTED] SRCS ... DEPS ... TESTS ... TEST_DEPS ... BENCHES ...)
#
# One room = one static library `penumbra_<NAME>` plus one GoogleTest binary `<NAME>_test` holding the tests
# that stand beside the code. TRUSTED rooms are part of the trusted code base: no exceptions, no RTTI.
# Floating-point contraction is off everywhere: the trusted arithmetic is a written formula and an
# implicit fused multiply-add would change its bits.

add_library(penumbra_flags INTERFACE)
target_compile_options(penumbra_flags INTERFACE -Wall -Wextra -Werror=return-type -Wshadow -ffp-contract=off
                       -fno-math-errno -fno-trapping-math -fstack-protector-strong)
target_include_directories(penumbra_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
if(PENUMBRA_SANITIZE)
  target_compile_options(penumbra_flags INTERFACE -fsanitize=${PENUMBRA_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  # gcc looks at the types of virtual objects, and trusted rooms have no RTTI.
  if(PENUMBRA_SANITIZE MATCHES undefined)
    target_compile_options(penumbra_flags INTERFACE -fno-sanitize=vptr)
  endif()
  target_link_options(penumbra_flags INTERFACE -fsanitize=${PENUMBRA_SANITIZE})
endif()

if(PENUMBRA_FUZZ)
  target_compile_options(penumbra_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
                         -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(penumbra_flags INTERFACE -fsanitize=address,undefined)
endif()

add_library(penumbra_trusted_flags INTERFACE)
target_compile_options(penumbra_trusted_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti
                       -fno-threadsafe-statics>)

function(penumbra_room name)
  cmake_parse_arguments(R "TRUSTED" "" "SRCS;DEPS;TESTS;TEST_DEPS;BENCHES" ${ARGN})
  add_library(penumbra_${name} STATIC ${R_SRCS})
  set_target_properties(penumbra_${name} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(penumbra_${name} PUBLIC penumbra_flags ${R_DEPS})
  if(R_TRUSTED)
    target_link_libraries(penumbra_${name} PRIVATE penumbra_trusted_flags)
  endif()
  if(R_TESTS AND BUILD_TESTING)
    find_package(GTest REQUIRED)
    add_executable(${name}_test ${R_TESTS})
    target_link_libraries(${name}_test PRIVATE penumbra_${name} ${R_TEST_DEPS} GTest::gtest GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name}_test)
  endif()
  foreach(bench IN LISTS R_BENCHES)
    find_package(benchmark QUIET)
    if(benchmark_FOUND)
      get_filename_component(stem ${bench} NAME_WE)
      add_executable(${stem} ${bench})
      target_link_libraries(${stem} PRIVATE penumbra_${name} benchmark::benchmark benchmark::benchmark_main)
    endif()
  endforeach()
endfunction()

# penumbra_fuzzer(NAME SRCS ... DEPS ...): a libFuzzer target (clang, -DPENUMBRA_FUZZ=ON). Its corpus is
# fuzz/corpus/<NAME without _fuzz>; tools/fuzz.sh runs them all.
function(penumbra_fuzzer name)
  if(NOT PENUMBRA_FUZZ)
    return()
  endif()
  cmake_parse_arguments(F "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${F_SRCS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name} PRIVATE ${F_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzzers)
endfunction()
