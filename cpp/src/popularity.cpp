#include "matfact/popularity.hpp"

#include "linalg/csr.hpp"
#include "parallel.hpp"

#include <vector>

namespace matfact {

template <class I> Matrix<float> popularity(CsrView<float, I> x, int num_threads)
{
    linalg::check_structure(x, resolve_threads(num_threads));
    std::vector<Index> counts(static_cast<std::size_t>(x.n_cols), 0);
    for (Index p = 0; p < linalg::stored_entries(x); ++p)
        ++counts[static_cast<std::size_t>(x.indices[p])];
    Matrix<float> shares(x.n_cols, 1);
    const auto n_users = static_cast<double>(std::max<Index>(1, x.n_rows));
    for (Index i = 0; i < x.n_cols; ++i)
        shares(i, 0) = static_cast<float>(static_cast<double>(counts[static_cast<std::size_t>(i)]) / n_users);
    return shares;
}

template Matrix<float> popularity(CsrView<float, std::int32_t>, int);
template Matrix<float> popularity(CsrView<float, std::int64_t>, int);

} // namespace matfact
