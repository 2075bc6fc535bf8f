function(matfact_set_warnings target)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 $<$<BOOL:${MATFACT_WARNINGS_AS_ERRORS}>:/WX>)
    return()
  endif()
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow -Wpedantic
                                           $<$<BOOL:${MATFACT_WARNINGS_AS_ERRORS}>:-Werror>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 sees uninitialized registers in its own AVX-512 headers (GCC bug 105593) and a use after free in Eigen's
    # aligned_realloc; both warnings come from the optimizer, which does not know that these headers are system headers.
    target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized -Wno-uninitialized -Wno-use-after-free)
  endif()
endfunction()
