# Defines matfact::eigen: Eigen's headers as system headers, from the first of
#   1. MATFACT_EIGEN_INCLUDE_DIR, 2. an installed Eigen 3.4 or 5, 3. the cmeel-eigen wheel of the build's Python.
set(MATFACT_EIGEN_INCLUDE_DIR "" CACHE PATH "Directory that holds Eigen/Core; empty = search")

function(matfact_find_eigen result)
  # No version is passed: Eigen 3.4's config file refuses ranges, and asking for 3.4 would refuse Eigen 5.
  find_package(Eigen3 CONFIG QUIET)
  if(Eigen3_FOUND AND Eigen3_VERSION VERSION_GREATER_EQUAL 3.4)
    get_target_property(directories Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
    list(GET directories 0 directory)
    message(STATUS "matfact: Eigen ${Eigen3_VERSION} from ${directory}")
    set(${result} "${directory}" PARENT_SCOPE)
    return()
  endif()

  find_package(Python 3.11 COMPONENTS Interpreter QUIET)
  if(Python_Interpreter_FOUND)
    execute_process(
      COMMAND "${Python_EXECUTABLE}" -c
        "from importlib.metadata import distribution as d; print(d('cmeel-eigen').locate_file('cmeel.prefix/include/eigen3').as_posix())"
      OUTPUT_VARIABLE directory OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
    if(NOT failed)
      message(STATUS "matfact: Eigen from the cmeel-eigen wheel")
      set(${result} "${directory}" PARENT_SCOPE)
      return()
    endif()
  endif()
  message(FATAL_ERROR "matfact needs Eigen 3.4 or newer to compile: install it (Debian: libeigen3-dev), "
                      "`pip install cmeel-eigen`, or set MATFACT_EIGEN_INCLUDE_DIR.")
endfunction()

if(MATFACT_EIGEN_INCLUDE_DIR)
  set(matfact_eigen_directory "${MATFACT_EIGEN_INCLUDE_DIR}")
else()
  matfact_find_eigen(matfact_eigen_directory)
endif()

add_library(matfact_eigen INTERFACE)
add_library(matfact::eigen ALIAS matfact_eigen)
target_include_directories(matfact_eigen SYSTEM INTERFACE "${matfact_eigen_directory}")
