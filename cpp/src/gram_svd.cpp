#include "linalg/gram_svd.hpp"

#include "linalg/gemm.hpp"
#include "linalg/lapack_calls.hpp"
#include "linalg/orthonormalize.hpp"
#include "linalg/symmetric_eigen.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <type_traits>

namespace matfact::linalg {

namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();

/// What sums of n products leave as overlaps of the columns of an orthonormal (n, d) in any case.
double unavoidable_overlap(Index n, Index d) { return 2 * eps * std::sqrt(static_cast<double>(n + d)); }

/// Below, LAPACK works on one thread: its others wait actively for a while after the call, and hold the cores that the
/// products which follow need.
constexpr Index worth_lapack_threads = 512;

/// u = y * left, vt <- right' * vt.
struct Rotation {
    RowMajorMatrix left;  ///< u = y * left
    RowMajorMatrix right; ///< vt <- right' * vt
};

/// The rotation that diagonalizes R = (I + E/2) D to first order, where y D^-1 has the Gram matrix I + E. Nothing if
/// its second-order error could be seen.
std::optional<Rotation> first_order_rotation(const RowMajorMatrix& e, const Eigen::VectorXd& d)
{
    constexpr double largest_angle = 1e-7; // its square is below rounding
    const Index k = d.size();
    Rotation q{RowMajorMatrix::Identity(k, k), RowMajorMatrix::Identity(k, k)};
    for (Index i = 0; i < k; ++i)
        for (Index j = 0; j < k; ++j) {
            if (i == j)
                continue;
            // Skew K_l, K_r with (I - K_l)(I + E/2) D (I + K_r) diagonal: one 2 x 2 system for each pair.
            const double gap = (d[i] - d[j]) * (d[i] + d[j]);
            double left = -0.5 * e(i, j) * (d[i] * d[i] + d[j] * d[j]), right = -e(i, j) * d[i] * d[j];
            if (std::abs(left) < largest_angle * std::abs(gap)) {
                left /= gap;
                right /= gap;
            } else if (std::abs(e(i, j)) * std::max(d[i], d[j]) <= 16 * eps * d[0])
                left = right = 0.0; // a pair this close may stay mixed: its residual is rounding
            else
                return std::nullopt;
            q.left(i, j) = left - 0.5 * e(i, j);
            q.right(i, j) = right;
        }
    return q;
}

Matrix<double> times(MatrixView<const double> y, const RowMajorMatrix& m, int threads)
{
    return multiply<double>(y, {m.data(), m.rows(), m.cols(), m.cols(), 1}, threads);
}

/// Columns of y and rows of vt in descending order of the column norms of y, which are returned.
Eigen::VectorXd sort_by_norm(Matrix<double>& y, Matrix<double>& vt, RowMajorMatrix& gram_of_y)
{
    const Index k = y.n_cols();
    std::vector<Index> order(static_cast<std::size_t>(k));
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return gram_of_y(a, a) > gram_of_y(b, b); });
    if (!std::is_sorted(order.begin(), order.end())) {
        Eigen::PermutationMatrix<Eigen::Dynamic> permutation(k);
        for (Index i = 0; i < k; ++i)
            permutation.indices()[i] = static_cast<int>(order[static_cast<std::size_t>(i)]);
        as_map(y) = RowMajorMatrix(as_map(y) * permutation);
        as_map(vt) = RowMajorMatrix(permutation.transpose() * as_map(vt));
        gram_of_y = RowMajorMatrix(permutation.transpose() * gram_of_y * permutation);
    }
    return gram_of_y.diagonal().cwiseSqrt();
}

void scale_columns(Matrix<double>& y, const Eigen::VectorXd& factors, int threads)
{
    for_blocks(y.n_rows(), 256, threads, [&](Index begin, Index end, Index) {
        as_map(y).block(begin, 0, end - begin, factors.size()).array().rowwise() *= factors.transpose().array();
    });
}

Matrix<double> leading_columns(Matrix<double> a, Index k)
{
    if (k >= a.n_cols())
        return a;
    Matrix<double> result(a.n_rows(), k);
    as_map(result) = as_map(a).leftCols(k);
    return result;
}

/// vt <- right' vt in its leading rows.
void turn_rows(Matrix<double>& vt, const RowMajorMatrix& right, int threads)
{
    const Index rank = right.rows();
    const Matrix<double> turned = multiply<double>(MatrixView<const double>{right.data(), rank, rank, 1, rank},
                                                   MatrixView<const double>(vt.view()).rows(0, rank), threads);
    std::copy_n(turned.data(), turned.size(), vt.data());
}

/// From y = z v, whose columns do not vanish, have the given norms and nearly no overlap, to u, s and the turned vt.
TallSvd decompose_regular(Matrix<double> y, Matrix<double> vt, const Eigen::VectorXd& norms, RowMajorMatrix overlaps,
                          bool want_u, int threads)
{
    TallSvd result;
    result.s.assign(norms.begin(), norms.end());
    overlaps.diagonal().setZero();
    const Eigen::VectorXd inverse = norms.cwiseInverse();
    if (overlaps.cwiseAbs().maxCoeff() <= unavoidable_overlap(y.n_rows(), y.n_cols())) {
        scale_columns(y, inverse, threads);
        result.u = std::move(y);
    } else if (auto rotation = first_order_rotation(overlaps, norms)) {
        turn_rows(vt, rotation->right, threads);
        if (want_u)
            result.u = times(y.view(), inverse.asDiagonal() * rotation->left, threads);
    } else {
        // Y D^-1 with overlaps this small has a condition number below 2: one round of Cholesky QR is as good as two,
        // and its product with Y need not be formed.
        const bool is_near = overlaps.norm() <= 0.5;
        RowMajorMatrix r, to_q;
        if (is_near) {
            const CholeskyFactor factor = cholesky(RowMajorMatrix::Identity(norms.size(), norms.size()) + overlaps);
            r = factor.r * norms.asDiagonal();
            to_q = inverse.asDiagonal() * factor.inverse;
        } else {
            scale_columns(y, inverse, threads);
            r = orthonormalize(y, threads) * norms.asDiagonal();
        }
        Matrix<double> work(r.rows(), r.rows()), left, right;
        as_map(work) = r;
        singular_values_and_vectors(work.view(), left, result.s, right, r.rows() <= worth_lapack_threads ? 1 : threads);
        turn_rows(vt, as_map(right).transpose(), threads);
        if (want_u)
            result.u = is_near ? times(y.view(), to_q * as_map(left), threads)
                               : multiply<double>(y.view(), left.view(), threads);
    }
    result.vt = std::move(vt);
    return result;
}

/// Eigenpairs of the Gram matrix, descending.
struct Spectrum {
    std::vector<double> values;
    Matrix<double> rows;
};

Spectrum eigenpairs(Matrix<double> a, Index k, int threads, const Checkpoint& checkpoint)
{
    const Index d = a.n_rows();
    std::vector<double> ascending;
    Matrix<double> rows;
    if (k < d)
        rows = symmetric_eigen_leading<double>(a.view(), k, ascending, threads, checkpoint);
    else {
        symmetric_eigen(a.view(), ascending, threads, checkpoint);
        rows = std::move(a);
    }
    for (Index i = 0; i < rows.n_rows() / 2; ++i)
        std::swap_ranges(rows.data() + i * d, rows.data() + (i + 1) * d, rows.data() + (rows.n_rows() - 1 - i) * d);
    return {{ascending.rbegin(), ascending.rend()}, std::move(rows)};
}

Matrix<double> leading_rows(Matrix<double> a, Index k)
{
    if (k == a.n_rows())
        return a;
    Matrix<double> result(k, a.n_cols());
    std::copy_n(a.data(), result.size(), result.data());
    return result;
}

/// v diag(1 / s).
Matrix<double> scaled_columns(const Matrix<double>& vt, const std::vector<double>& s)
{
    Matrix<double> v(vt.n_cols(), vt.n_rows());
    as_map(v) =
        as_map(vt).transpose() * Eigen::Map<const Eigen::VectorXd>(s.data(), v.n_cols()).cwiseInverse().asDiagonal();
    return v;
}

} // namespace

TallSvd svd_from_product(Matrix<double> y, Matrix<double> vt, bool want_u, int threads)
{
    const Index k = y.n_cols();
    RowMajorMatrix g = as_map(gram<double>(y.view(), Centering::none, 1.0, threads).matrix);
    const Eigen::VectorXd norms = sort_by_norm(y, vt, g);
    const double cutoff = eps * static_cast<double>(y.n_rows()) * norms[0];
    const Index rank = (norms.array() > cutoff).count();
    if (rank == 0) {
        std::fill_n(y.data(), y.size(), 0.0);
        complete_basis(y, 0, threads);
        return {std::move(y), std::vector<double>(static_cast<std::size_t>(k), 0.0), std::move(vt)};
    }
    const Eigen::VectorXd inverse = norms.head(rank).cwiseInverse();
    TallSvd result =
        decompose_regular(leading_columns(std::move(y), rank), std::move(vt), norms.head(rank),
                          inverse.asDiagonal() * g.topLeftCorner(rank, rank) * inverse.asDiagonal(), want_u, threads);
    result.s.resize(static_cast<std::size_t>(k), 0.0);
    if (want_u && rank < k) {
        Matrix<double> complete(result.u.n_rows(), k);
        as_map(complete).leftCols(rank) = as_map(result.u);
        complete_basis(complete, rank, threads);
        result.u = std::move(complete);
    }
    return result;
}

template <class T>
std::optional<TallSvd> gram_svd(Index n, const Product& times, Matrix<double> gram_matrix, double noise, Index k,
                                bool want_u, double tol, int threads, const Checkpoint& checkpoint)
{
    // The eigenvectors of sigma_k and of what is left out mix by about error / sigma_k^2, which leaves a residual
    // of error / (sigma_1 sigma_k). The rest of the arithmetic alone would give about this one:
    const bool is_single = noise > 0.0;
    const double reachable = is_single ? 2e-7 : 1e-13;
    const Index d = gram_matrix.n_rows();
    const bool subset = 4 * k <= d && d > 64;
    Matrix<double> untouched;
    if (subset) {
        untouched = Matrix<double>(d, d);
        std::copy_n(gram_matrix.data(), gram_matrix.size(), untouched.data());
    }
    Spectrum spectrum = eigenpairs(std::move(gram_matrix), subset ? k : d, threads, checkpoint);
    if (checkpoint)
        checkpoint();
    const auto sigma = [&](Index i) { return std::sqrt(std::max(0.0, spectrum.values[static_cast<std::size_t>(i)])); };
    const double error = is_single ? noise : eps * sigma(0) * sigma(0);
    const bool is_clean = sigma(k - 1) * sigma(0) * std::max(tol, reachable) > error;
    if (!is_clean && is_single)
        return std::nullopt;
    // The columns of Y overlap by up to error / sigma_k^2: where the rounding of T hides that, nothing is left to
    // repair.
    const double hidden = std::is_same_v<T, float> ? 1e-9 : unavoidable_overlap(n, d);
    const bool is_regular = is_clean && error <= hidden * sigma(k - 1) * sigma(k - 1);
    if (is_regular || (is_clean && !want_u)) {
        TallSvd result;
        for (Index i = 0; i < k; ++i)
            result.s.push_back(sigma(i));
        result.vt = leading_rows(std::move(spectrum.rows), k);
        if (want_u)
            result.u = times(scaled_columns(result.vt, result.s).view());
        return result;
    }
    if (!is_clean && subset)
        spectrum = eigenpairs(std::move(untouched), d, threads, checkpoint);
    Matrix<double> vt = leading_rows(std::move(spectrum.rows), is_clean ? k : d);
    Matrix<double> y = times(MatrixView<const double>(vt.view()).transposed());
    if (checkpoint)
        checkpoint();
    TallSvd result = svd_from_product(std::move(y), std::move(vt), want_u, threads);
    result.u = leading_columns(std::move(result.u), k);
    result.s.resize(static_cast<std::size_t>(k));
    result.vt = leading_rows(std::move(result.vt), k);
    return result;
}

template std::optional<TallSvd> gram_svd<float>(Index, const Product&, Matrix<double>, double, Index, bool, double, int,
                                                const Checkpoint&);
template std::optional<TallSvd> gram_svd<double>(Index, const Product&, Matrix<double>, double, Index, bool, double,
                                                 int, const Checkpoint&);

} // namespace matfact::linalg
