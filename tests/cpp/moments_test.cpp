#include "matfact/moments.hpp"

#include "matfact/status.hpp"
#include "support/matrices.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

/// The textbook: means, then products of what is centered by them.
template <class T> Moments expected(MatrixView<const T> x)
{
    Moments m{static_cast<double>(x.n_rows), std::vector<double>(static_cast<std::size_t>(x.n_cols), 0.0),
              zero_matrix<double>(x.n_cols, x.n_cols)};
    for (Index i = 0; i < x.n_rows; ++i)
        for (Index j = 0; j < x.n_cols; ++j)
            m.mean[static_cast<std::size_t>(j)] += static_cast<double>(x(i, j)) / m.n_samples;
    for (Index i = 0; i < x.n_rows; ++i)
        for (Index j = 0; j < x.n_cols; ++j)
            for (Index l = 0; l < x.n_cols; ++l)
                m.scatter(j, l) += (static_cast<double>(x(i, j)) - m.mean[static_cast<std::size_t>(j)]) *
                                   (static_cast<double>(x(i, l)) - m.mean[static_cast<std::size_t>(l)]);
    return m;
}

/// Sums of n terms in another order.
void check_same(const Moments& a, const Moments& b)
{
    CHECK(a.n_samples == b.n_samples);
    REQUIRE(a.n_cols() == b.n_cols());
    for (std::size_t j = 0; j < a.mean.size(); ++j)
        CHECK(a.mean[j] == approx<double>(b.mean[j], 64));
    CHECK(distance(a.scatter, b.scatter) <= rounding<double>(64) * largest_entry<double>(b.scatter.view()));
}

void check_same_bits(const Moments& a, const Moments& b)
{
    CHECK(a.n_samples == b.n_samples);
    CHECK(same_bits(a.mean, b.mean));
    CHECK(same_bits(a.scatter, b.scatter));
}

/// Every `every`-th entry of a matrix, and its first column in full, about 1000.
template <class T, class I> struct Sparse {
    std::vector<T> values;
    std::vector<I> indices, indptr{0};
    Matrix<T> dense;
    Sparse(Index n_rows, Index n_cols, Index every) : dense(zero_matrix<T>(n_rows, n_cols))
    {
        for (Index i = 0; i < n_rows; ++i) {
            for (Index j = 0; j < n_cols; ++j)
                if (j == 0 || (i * n_cols + 7 * j + i / 3) % every == 0) {
                    dense(i, j) = static_cast<T>(random_normal(3, 1, static_cast<std::uint64_t>(i * n_cols + j)) +
                                                 (j == 0 ? 1000 : 0));
                    values.push_back(dense(i, j));
                    indices.push_back(static_cast<I>(j));
                }
            indptr.push_back(static_cast<I>(values.size()));
        }
    }
    CsrView<T, I> view() const
    {
        return {values.data(), indices.data(), indptr.data(), dense.n_rows(), dense.n_cols()};
    }
};

} // namespace

// Rows (0, 0), (2, 0), (1, 3): mean (1, 1), deviations (-1, -1), (1, -1), (0, 2).
TEST_CASE_TEMPLATE("moments of three points", T, float, double)
{
    const Moments m = moments<T>(matrix<T>({{0, 0}, {2, 0}, {1, 3}}).view());
    CHECK(m.n_samples == 3);
    CHECK(m.mean[0] == approx<double>(1, 4));
    CHECK(m.mean[1] == approx<double>(1, 4));
    CHECK(m.scatter(0, 0) == approx<double>(2, 4));
    CHECK(m.scatter(1, 0) == approx<double>(0, 4));
    CHECK(m.scatter(1, 1) == approx<double>(6, 4));
}

TEST_CASE_TEMPLATE("moments of dense rows are the textbook's", T, float, double)
{
    const Matrix<T> x = normal_matrix<T>(700, 23);
    check_same(moments<T>(x.view()), expected<T>(x.view()));
    const MatrixView<const T> every_other{x.data(), 350, 11, 46, 2};
    check_same(moments<T>(every_other), expected<T>(every_other));
}

// Dense enough to go by blocks, and sparse enough to go by entries.
TEST_CASE_TEMPLATE("moments of sparse rows are those of the dense matrix", T, float, double)
{
    for (const Index every : {3, 41}) {
        const Sparse<T, std::int32_t> narrow(300, 150, every);
        const Sparse<T, std::int64_t> wide(300, 150, every);
        const Moments m = moments(narrow.view());
        check_same(m, expected<T>(narrow.dense.view()));
        check_same_bits(m, moments(wide.view()));
        // The column about 1000 has a variance about 1, of which centering must not lose a digit.
        CHECK(m.scatter(0, 0) == approx<double>(expected<T>(narrow.dense.view()).scatter(0, 0), 64));
    }
}

TEST_CASE("stored entries of one position are added")
{
    const std::vector<double> values{1, 2, 4, 1, 1, 5}; // column 0 has as many entries as there are rows
    const std::vector<std::int32_t> indices{0, 0, 1, 0, 0, 1}, indptr{0, 3, 5, 6, 6};
    const CsrView<double, std::int32_t> x{values.data(), indices.data(), indptr.data(), 4, 2};
    const Matrix<double> dense = matrix<double>({{3, 4}, {2, 0}, {0, 5}, {0, 0}});
    check_same(moments(x), expected<double>(dense.view()));
}

TEST_CASE("integer weights repeat rows, and a row of weight 0 may hold anything")
{
    Sparse<double, std::int32_t> x(60, 40, 29);
    std::vector<double> weights;
    std::vector<Index> rows;
    for (Index i = 0; i < 60; ++i) {
        weights.push_back(static_cast<double>(i % 4));
        for (Index r = 0; r < i % 4; ++r)
            rows.push_back(i);
    }
    Matrix<double> repeated(static_cast<Index>(rows.size()), 40);
    for (Index r = 0; r < repeated.n_rows(); ++r)
        for (Index j = 0; j < 40; ++j)
            repeated(r, j) = x.dense(rows[static_cast<std::size_t>(r)], j);
    x.dense(4, 3) = std::numeric_limits<double>::quiet_NaN();
    x.values[static_cast<std::size_t>(x.indptr[4])] = std::numeric_limits<double>::infinity();
    check_same(moments<double>(x.dense.view(), weights.data()), expected<double>(repeated.view()));
    check_same(moments(x.view(), weights.data()), expected<double>(repeated.view()));
}

TEST_CASE("merged moments are those of all rows")
{
    const Matrix<double> x = normal_matrix<double>(500, 17);
    const std::vector<Index> cuts{0, 1, 3, 120, 499, 500};
    Moments total;
    for (std::size_t part = 0; part + 1 < cuts.size(); ++part)
        merge(total, moments<double>(view(x).rows(cuts[part], cuts[part + 1])));
    check_same(total, expected<double>(x.view()));
}

TEST_CASE("moments of no rows change nothing")
{
    const Matrix<double> x = normal_matrix<double>(9, 4);
    const std::vector<double> zeros(9, 0.0);
    Moments m = moments<double>(x.view());
    merge(m, Moments{});
    merge(m, moments<double>(x.view(), zeros.data()));
    check_same_bits(m, moments<double>(x.view()));
    Moments none;
    merge(none, m);
    check_same_bits(m, none);
}

TEST_CASE("moments have the same bits at any thread count")
{
    const Matrix<double> x = normal_matrix<double>(5000, 210);
    const Sparse<double, std::int32_t> few(900, 210, 53), many(900, 210, 3);
    const std::vector<double> weights(5000, 0.3);
    for (const int threads : {2, 3, 7}) {
        check_same_bits(moments<double>(x.view(), nullptr, 1), moments<double>(x.view(), nullptr, threads));
        check_same_bits(moments<double>(x.view(), weights.data(), 1),
                        moments<double>(x.view(), weights.data(), threads));
        check_same_bits(moments(few.view(), nullptr, 1), moments(few.view(), nullptr, threads));
        check_same_bits(moments(many.view(), nullptr, 1), moments(many.view(), nullptr, threads));
        Moments a = moments<double>(x.view(), nullptr, 1), b = moments<double>(x.view(), nullptr, 1);
        merge(a, moments(few.view()), 1);
        merge(b, moments(few.view()), threads);
        check_same_bits(a, b);
    }
}

TEST_CASE("what is wrong with a batch is an error")
{
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(moments<double>(Matrix<double>(0, 3).view()), std::invalid_argument);
    CHECK_THROWS_AS(moments<double>(matrix<double>({{1, nan}}).view()), std::invalid_argument);
    CHECK_THROWS_AS(moments<double>(matrix<double>({{1e200}, {-1e200}}).view()), NumericalError);
    const double negative = -1.0;
    CHECK_THROWS_AS(moments<double>(matrix<double>({{1, 2}}).view(), &negative), std::invalid_argument);

    const std::vector<double> values{1, nan};
    const std::vector<std::int64_t> indices{0, 1}, outside{0, 2}, indptr{0, 2}, falling{2, 0};
    const auto csr = [&](const std::vector<std::int64_t>& columns, const std::vector<std::int64_t>& rows) {
        return CsrView<double, std::int64_t>{values.data(), columns.data(), rows.data(), 1, 2};
    };
    CHECK_THROWS_AS(moments(csr(indices, indptr)), std::invalid_argument);
    CHECK_THROWS_AS(moments(csr(outside, indptr)), std::invalid_argument);
    CHECK_THROWS_AS(moments(csr(indices, falling)), std::invalid_argument);
}

TEST_CASE("a merge that cannot be leaves the moments as they were")
{
    const Matrix<double> x = normal_matrix<double>(9, 2), wide = normal_matrix<double>(9, 3);
    Moments m = moments<double>(x.view());
    CHECK_THROWS_AS(merge(m, moments<double>(wide.view())), std::invalid_argument);
    CHECK_THROWS_AS(merge(m, moments<double>(matrix<double>({{1e160, 0}}).view())), NumericalError);
    check_same_bits(m, moments<double>(x.view()));
}

TEST_CASE("a progress callback interrupts and its exception passes through")
{
    const Matrix<double> x = normal_matrix<double>(900, 20);
    const Progress interrupt = [](const Iteration&) -> bool { throw std::out_of_range("enough"); };
    CHECK_THROWS_AS(moments<double>(x.view(), nullptr, 1, interrupt), std::out_of_range);
}

TEST_CASE("pca of moments is pca of the rows")
{
    const Matrix<double> x = normal_matrix<double>(400, 12);
    PcaOptions options;
    options.n_components = 3;
    const PcaResult<double> direct = pca<double>(x.view(), options), merged = pca(moments<double>(x.view()), options);
    // Eigenvalues of a random matrix are a few percent apart, and vectors are off by the inverse of that.
    CHECK(distance(direct.components, merged.components) <= rounding<double>(1e4));
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(merged.explained_variance[i] == approx<double>(direct.explained_variance[i], 64));
        CHECK(merged.explained_variance_ratio[i] == approx<double>(direct.explained_variance_ratio[i], 64));
        CHECK(merged.singular_values[i] == approx<double>(direct.singular_values[i], 64));
    }
    CHECK(merged.noise_variance == approx<double>(direct.noise_variance, 64));
    CHECK_THROWS_AS(pca(moments<double>(view(x).rows(0, 1))), std::invalid_argument);
    CHECK_THROWS_AS(pca(moments<double>(x.view()), {13}), std::invalid_argument);
}

TEST_CASE("bytes give the moments back")
{
    const Moments m = moments<double>(normal_matrix<double>(30, 7).view());
    const std::vector<std::byte> bytes = to_bytes(m);
    CHECK(bytes.size() == 40 + 8 * 7 + 4 * 7 * 8);
    check_same_bits(m, moments_from_bytes(bytes.data(), bytes.size()));
    const std::vector<std::byte> none = to_bytes(Moments{});
    CHECK(moments_from_bytes(none.data(), none.size()).n_cols() == 0);
}

// Version 1 as docs/methods/moments.md has it: whatever reads or writes another layout is another version.
TEST_CASE("the format is little-endian on every machine")
{
    const std::vector<std::byte> bytes = to_bytes(moments<double>(matrix<double>({{1}, {2}}).view()));
    const unsigned char expected_start[] = {
        'm', 'a', 't', 'f', 'm', 'o', 'm',  '\n', // magic
        1,   0,   0,   0,   0,   0,   0,    0,    // version
        1,   0,   0,   0,   0,   0,   0,    0,    // features
        0,   0,   0,   0,   0,   0,   0,    0x40, // 2.0 rows
        0,   0,   0,   0,   0,   0,   0xf8, 0x3f, // mean 1.5
        0,   0,   0,   0,   0,   0,   0xe0, 0x3f, // scatter 0.5
    };
    REQUIRE(bytes.size() == sizeof expected_start + 8);
    CHECK(std::memcmp(bytes.data(), expected_start, sizeof expected_start) == 0);
}

TEST_CASE("bytes that are cut short, too long or changed anywhere are refused")
{
    std::vector<std::byte> bytes = to_bytes(moments<double>(normal_matrix<double>(30, 3).view()));
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_THROWS_AS(moments_from_bytes(bytes.data(), size), std::invalid_argument);
    for (std::size_t at = 0; at < bytes.size(); ++at)
        for (const auto flip : {std::byte{1}, std::byte{0x80}, std::byte{0xff}}) {
            bytes[at] ^= flip;
            CHECK_THROWS_AS(moments_from_bytes(bytes.data(), bytes.size()), std::invalid_argument);
            bytes[at] ^= flip;
        }
    bytes.push_back(std::byte{0});
    CHECK_THROWS_AS(moments_from_bytes(bytes.data(), bytes.size()), std::invalid_argument);
}
