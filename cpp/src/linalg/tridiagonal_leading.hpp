/// The largest eigenpairs of a symmetric tridiagonal matrix by bisection and inverse iteration.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

/// The k largest eigenvalues of the matrix with diagonal d (n,) and e (n - 1,) beside it, descending, each to eps times
/// its norm; row i of v (k, n) becomes the eigenvector of the i-th. Bisection on Sturm counts and inverse iteration as
/// in LAPACK's stebz and stein (Barth, Martin and Wilkinson, doi:10.1007/BF02162154; Jessup and Ipsen,
/// doi:10.1137/0913035): vectors of values closer than a thousandth of the norm are orthogonalized. The same bits for
/// any number of threads.
std::vector<double> tridiagonal_leading(const std::vector<double>& d, const std::vector<double>& e,
                                        MatrixView<double> v, int threads);

} // namespace matfact::linalg
