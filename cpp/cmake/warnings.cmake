function(matfact_set_warnings target)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 $<$<BOOL:${MATFACT_WARNINGS_AS_ERRORS}>:/WX>)
  else()
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow -Wpedantic
                                             $<$<BOOL:${MATFACT_WARNINGS_AS_ERRORS}>:-Werror>)
  endif()
endfunction()
