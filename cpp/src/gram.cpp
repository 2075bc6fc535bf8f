#include "matfact/gram.hpp"

#include "linalg/gram.hpp"
#include "parallel.hpp"

#include <stdexcept>

namespace matfact {

template <class T> Matrix<double> gram(MatrixView<const T> x, bool center, int num_threads)
{
    if (x.n_rows == 0 || x.n_cols == 0)
        throw std::invalid_argument("X is empty");
    const auto centering = center ? linalg::Centering::columns : linalg::Centering::none;
    return linalg::gram(x, centering, 1.0, resolve_threads(num_threads)).matrix;
}

template Matrix<double> gram(MatrixView<const float>, bool, int);
template Matrix<double> gram(MatrixView<const double>, bool, int);

} // namespace matfact
