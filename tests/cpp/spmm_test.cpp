#include "linalg/spmm.hpp"

#include "support/sparse.hpp"

using namespace matfact;
using namespace matfact::testing;
using linalg::RankOneUpdate;
using linalg::SparseProduct;

namespace {

/// Around the packets of every CPU level, and more than one group of them.
constexpr Index widths[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 130};

template <class T, class I> struct Types {
    using Value = T;
    using Offset = I;
};
#define SPARSE_TYPES                                                                                                   \
    Types<float, std::int32_t>, Types<float, std::int64_t>, Types<double, std::int32_t>, Types<double, std::int64_t>

template <class T> struct Products {
    Matrix<T> right, left; ///< A B and A' Y
};

template <class T, class S, class I>
Products<T> products(const SparseProduct<S, I>& a, const Matrix<T>& b, const Matrix<T>& y, int threads,
                     RankOneUpdate<T> update = {})
{
    const Index m = a.matrix().n_rows, n = a.matrix().n_cols;
    Products<T> p{Matrix<T>(m, b.n_cols()), Matrix<T>(n, b.n_cols())};
    a.multiply_into(b.view(), p.right.view(), update, threads);
    a.transposed_multiply_into(y.view(), p.left.view(), update, threads);
    return p;
}

/// Sums of at most `terms` products of normal numbers: an eps for each addition, and room for their size.
template <class T> double sum_rounding(Index terms) { return rounding<T>(8.0 * static_cast<double>(terms)); }

} // namespace

TEST_CASE_TEMPLATE("products with a sparse matrix and its transpose are those of the dense one, for any width", Type,
                   SPARSE_TYPES)
{
    using T = typename Type::Value;
    using I = typename Type::Offset;
    const auto x = random_csr<T, I>(60, 45, 0.6);
    const Matrix<double> a = dense(x);
    for (const bool keep_transpose : {true, false}) {
        const SparseProduct<T, I> product_of(x.view(), keep_transpose, 2);
        for (const Index width : widths) {
            const Matrix<T> b = normal_matrix<T>(45, width, 2), y = normal_matrix<T>(60, width, 3);
            const auto [right, left] = products(product_of, b, y, 2);
            const Matrix<double> wide_b = widened<T>(b.view()), wide_y = widened<T>(y.view());
            CHECK(distance(right, product<double>(a.view(), wide_b.view())) < sum_rounding<T>(45));
            CHECK(distance(left, product<double>(view(a).transposed(), wide_y.view())) < sum_rounding<T>(60));
        }
    }
}

TEST_CASE("products of float32 values are summed in float64 where the dense matrix is float64")
{
    const auto x = random_csr<float, std::int32_t>(60, 45, 0.6);
    const Matrix<double> a = dense(x), b = normal_matrix<double>(45, 9), y = normal_matrix<double>(60, 9);
    const SparseProduct<float, std::int32_t> product_of(x.view(), true, 1);
    const auto [right, left] = products(product_of, b, y, 1);
    CHECK(distance(right, product<double>(a.view(), b.view())) < sum_rounding<double>(45));
    CHECK(distance(left, product<double>(view(a).transposed(), y.view())) < sum_rounding<double>(60));
}

TEST_CASE("a rank-one matrix is subtracted and the rest scaled")
{
    // One long row and one long column, cut into pieces, meet the update as well.
    Csr<double, std::int32_t> x;
    x.n_cols = 20000;
    for (Index i = 0; i < 20000; ++i) {
        x.add(0, 1.0);
        for (Index j = 1; i == 0 && j < 20000; ++j)
            x.add(j, 1.0);
        x.end_row();
    }
    Matrix<double> ones(20000, 3);
    std::fill_n(ones.data(), ones.size(), 1.0);
    std::vector<double> left(20000, 2.0);
    const double right[] = {1.0, 10.0, 100.0};
    for (const bool keep_transpose : {true, false}) {
        const SparseProduct<double, std::int32_t> product_of(x.view(), keep_transpose, 2);
        const auto [rows, columns] = products(product_of, ones, ones, 2, {left.data(), right, 0.5});
        for (Index c = 0; c < 3; ++c) {
            CHECK(rows(0, c) == 0.5 * (20000.0 - 2.0 * right[c]));
            CHECK(rows(1, c) == 0.5 * (1.0 - 2.0 * right[c]));
            CHECK(columns(0, c) == 0.5 * (20000.0 - 2.0 * right[c]));
            CHECK(columns(19999, c) == 0.5 * (1.0 - 2.0 * right[c]));
        }
        const auto plain = products(product_of, ones, ones, 2, {nullptr, right, 1.0});
        CHECK(plain.right(1, 2) == 1.0 - 100.0);
    }
}

TEST_CASE_TEMPLATE("products have the same bits for any number of threads", T, float, double)
{
    const auto x = random_csr<T, std::int32_t>(400, 300, 0.7);
    const Matrix<T> b = normal_matrix<T>(300, 20), y = normal_matrix<T>(400, 20);
    for (const bool keep_transpose : {true, false}) {
        const auto one = products(SparseProduct<T, std::int32_t>(x.view(), keep_transpose, 1), b, y, 1);
        for (const int threads : {2, 3, 7}) {
            const auto many =
                products(SparseProduct<T, std::int32_t>(x.view(), keep_transpose, threads), b, y, threads);
            CHECK(same_bits(one.right, many.right));
            CHECK(same_bits(one.left, many.left));
        }
    }
}

TEST_CASE("empty rows, empty columns and no entries at all give zeros")
{
    Csr<double, std::int64_t> x;
    x.n_cols = 4;
    for (int i = 0; i < 5; ++i)
        x.end_row();
    for (const bool keep_transpose : {true, false}) {
        const SparseProduct<double, std::int64_t> product_of(x.view(), keep_transpose, 2);
        const auto [rows, columns] = products(product_of, normal_matrix<double>(4, 9), normal_matrix<double>(5, 9), 2);
        CHECK(largest_entry(view(rows)) == 0.0);
        CHECK(largest_entry(view(columns)) == 0.0);
    }
}

TEST_CASE("the transpose holds every entry once, in order")
{
    const auto x = random_csr<double, std::int32_t>(700, 30, 0.8);
    const linalg::SparseTranspose<double, std::int32_t> transpose(x.view(), 3);
    const auto t = transpose.view();
    const Matrix<double> a = dense(x);
    Index seen = 0;
    REQUIRE(t.n_rows == 30);
    for (Index j = 0; j < t.n_rows; ++j)
        for (Index p = t.indptr[j]; p < t.indptr[j + 1]; ++p, ++seen) {
            CHECK(t.values[p] == a(t.indices[p], j));
            CHECK((p == t.indptr[j] || t.indices[p - 1] < t.indices[p]));
        }
    CHECK(seen == linalg::stored_entries(x.view()));
}

TEST_CASE("a structure that points outside is refused")
{
    const auto message = [](const Csr<double, std::int32_t>& x) {
        try {
            linalg::check_structure(x.view(), 2);
        } catch (const std::invalid_argument& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    Csr<double, std::int32_t> x{{1, 2, 3}, {0, 2, 1}, {0, 2, 3}, 3};
    CHECK(message(x).empty());
    x.indices[1] = 3;
    CHECK(message(x) == "a sparse X holds the column index 3, outside of its 3 columns");
    x.indices[1] = -1;
    CHECK(message(x) == "a sparse X holds the column index -1, outside of its 3 columns");
    x.indices[1] = 2;
    x.indptr = {0, 4, 3};
    CHECK(message(x) == "indptr of a sparse X must not decrease");
    x.indptr = {1, 2, 3};
    CHECK(message(x) == "indptr of a sparse X must begin with 0");
}

TEST_CASE_TEMPLATE("the largest magnitude is poisoned by NaN and infinity", T, float, double)
{
    auto x = random_csr<T, std::int32_t>(30, 20, 0.7);
    x.values[5] = T(-100);
    CHECK(linalg::largest_magnitude(x.view(), 2) == 100.0);
    x.values[7] = std::numeric_limits<T>::infinity();
    CHECK(!std::isfinite(linalg::largest_magnitude(x.view(), 2)));
    x.values[7] = std::numeric_limits<T>::quiet_NaN();
    CHECK(!std::isfinite(linalg::largest_magnitude(x.view(), 2)));
}
