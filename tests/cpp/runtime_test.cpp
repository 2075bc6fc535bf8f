#include "matfact/runtime.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace matfact;

TEST_CASE("the default number of threads can be set and given back to the environment")
{
    const int before = get_num_threads();
    CHECK(before >= 1);
    set_num_threads(3);
    CHECK(get_num_threads() == 3);
    set_num_threads(0);
    CHECK(get_num_threads() == before);
}

TEST_CASE("a negative number of threads is refused") { CHECK_THROWS_AS(set_num_threads(-1), std::invalid_argument); }
