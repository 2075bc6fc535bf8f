#include "matfact/pure_svd.hpp"

#include "degrees.hpp"
#include "linalg/all_finite.hpp"
#include "linalg/csr.hpp"
#include "linalg/spmm.hpp"
#include "matfact/svd.hpp"
#include "sweeps.hpp"

#include <algorithm>
#include <cmath>

namespace matfact {

void PureSvdOptions::validate(Index n_users, Index n_items) const
{
    require(n_components >= 1 && n_components <= std::min(n_users, n_items),
            "n_components must be between 1 and the smaller side of x");
}

template <class I> PureSvdFactors pure_svd(CsrView<float, I> x, const PureSvdOptions& options, const Progress& progress)
{
    options.validate(x.n_rows, x.n_cols);
    const int threads = resolve_threads(options.num_threads);
    linalg::check_structure(x, threads);

    PureSvdFactors result;
    CsrView<float, I> decomposed = x;
    std::vector<float> values;
    if (options.normalize == Normalize::degree) {
        check_feedback(x);
        DegreeRoots roots = degree_roots(x);
        values = values_over_degrees(x, roots, threads);
        decomposed.values = values.data();
        result.scale = std::move(roots.cols);
    }
    SvdOptions leading;
    leading.n_components = options.n_components;
    leading.num_threads = options.num_threads;
    SvdResult<float> f = svd(decomposed, leading, progress);

    result.h = Matrix<float>(x.n_cols, options.n_components);
    for (Index i = 0; i < x.n_cols; ++i) {
        const double scale = result.scale.empty() ? 1.0 : result.scale[static_cast<std::size_t>(i)];
        for (Index c = 0; c < options.n_components; ++c)
            result.h(i, c) = static_cast<float>(scale * static_cast<double>(f.vt(c, i)));
    }
    result.w = pure_svd_rows(x, result.h.view(), result.scale, options.num_threads);
    result.s = std::move(f.s);
    result.residuals = std::move(f.residuals);
    result.status = f.status;
    return result;
}

template <class I>
Matrix<float> pure_svd_rows(CsrView<float, I> x, MatrixView<const float> h, const std::vector<double>& scale,
                            int num_threads)
{
    require(h.n_rows == x.n_cols && h.col_stride == 1, "h must have one row for each column of x, and be row-major");
    require(scale.empty() || static_cast<Index>(scale.size()) == h.n_rows, "scale must have one entry for each item");
    const int threads = resolve_threads(num_threads);
    require(std::all_of(scale.begin(), scale.end(), [](double each) { return each > 0.0; }), "scale must be positive");
    linalg::check_structure(x, threads);
    Matrix<float> unscaled; // D^-1 V, h being D V
    if (!scale.empty()) {
        unscaled = Matrix<float>(h.n_rows, h.n_cols);
        for (Index i = 0; i < h.n_rows; ++i) {
            const double square = scale[static_cast<std::size_t>(i)] * scale[static_cast<std::size_t>(i)];
            for (Index c = 0; c < h.n_cols; ++c)
                unscaled(i, c) = static_cast<float>(static_cast<double>(h(i, c)) / square);
        }
        h = unscaled.view();
    }
    Matrix<float> w(x.n_rows, h.n_cols);
    linalg::SparseProduct<float, I>(x, false, threads).multiply_into(h, w.view(), {}, threads);
    if (!linalg::all_finite(w, threads)) {
        require(std::isfinite(linalg::largest_magnitude(x, threads)), "entries must be finite");
        throw NumericalError("the factors overflow float32: scale the entries down");
    }
    return w;
}

MATFACT_PURE_SVD(, std::int32_t)
MATFACT_PURE_SVD(, std::int64_t)

} // namespace matfact
