#include "matfact/lapack.hpp"

#include "linalg/lapack_calls.hpp"
#include "linalg/symmetric_eigen.hpp"
#include "matfact/status.hpp"

#include <algorithm>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace matfact {

#ifdef MATFACT_LINKED_LAPACK
LapackTable linked_lapack(); // lapack_linked.cpp
#endif

namespace {

#ifdef MATFACT_LINKED_LAPACK
LapackTable table = linked_lapack();
#else
LapackTable table;
#endif

/// Lowers the provider's thread count while a call runs. Its pool is the process's, so calls that overlap share the
/// lowest count, and the last one out restores what the first one found.
class LimitedThreads {
public:
    /// `n` is the order of the problem: below some hundreds a second thread gains nothing, and a pool that has been
    /// woken spins for milliseconds beside ours.
    LimitedThreads(int threads, Index n)
    {
        constexpr Index worth_threads = 100;
        if (n <= worth_threads)
            threads = 1;
        if (!table.get_num_threads || !table.set_num_threads)
            return;
        const std::lock_guard<std::mutex> guard(mutex);
        if (users++ == 0)
            before = table.get_num_threads();
        if (threads < table.get_num_threads())
            table.set_num_threads(threads);
    }
    ~LimitedThreads()
    {
        if (!table.get_num_threads || !table.set_num_threads)
            return;
        const std::lock_guard<std::mutex> guard(mutex);
        if (--users == 0)
            table.set_num_threads(before);
    }
    LimitedThreads(const LimitedThreads&) = delete;
    LimitedThreads& operator=(const LimitedThreads&) = delete;

private:
    inline static std::mutex mutex;
    inline static int users = 0, before = 0;
};

template <class I> I to_lapack(Index n)
{
    if (n > static_cast<Index>(std::numeric_limits<I>::max()))
        throw std::invalid_argument("a dimension or workspace of " + std::to_string(n) +
                                    " exceeds the 32-bit integers of the LAPACK in use (" + table.provider + ")");
    return static_cast<I>(n);
}

void check_info(std::int64_t info, const char* routine)
{
    if (info != 0)
        throw NumericalError(std::string(routine) + " failed with info = " + std::to_string(info) +
                             (info > 0 ? ": it did not converge" : ": an argument is not valid"));
}

template <class T> void* pick(void* for_float, void* for_double)
{
    return std::is_same_v<T, float> ? for_float : for_double;
}

/// What a size query asks for, and a little more where T cannot hold the number exactly.
template <class T> Matrix<T> workspace(T size)
{
    return Matrix<T>(1, static_cast<Index>(size * (1 + std::numeric_limits<T>::epsilon())) + 1);
}

// Column-major to LAPACK: it sees the transposed matrix, which is the same one, with the other triangle's name.
constexpr const char* upper_triangle = "L";

template <class I, class T> void call_sytrd(void* address, MatrixView<T> a, T* d, T* e, T* tau)
{
    using Function = void (*)(const char*, const I*, T*, const I*, T*, T*, T*, T*, const I*, I*);
    const auto sytrd = reinterpret_cast<Function>(address);
    const I n = to_lapack<I>(a.n_rows), ld = to_lapack<I>(a.row_stride), query = -1;
    I info = 0;
    T size = 0;
    sytrd(upper_triangle, &n, a.data, &ld, d, e, tau, &size, &query, &info);
    check_info(info, "sytrd");
    Matrix<T> work = workspace(size);
    const I work_size = to_lapack<I>(work.size());
    sytrd(upper_triangle, &n, a.data, &ld, d, e, tau, work.data(), &work_size, &info);
    check_info(info, "sytrd");
}

template <class I, class T> void call_ormtr(void* address, MatrixView<const T> a, const T* tau, MatrixView<T> rows)
{
    using Function = void (*)(const char*, const char*, const char*, const I*, const I*, const T*, const I*, const T*,
                              T*, const I*, T*, const I*, I*);
    const auto ormtr = reinterpret_cast<Function>(address);
    const I n = to_lapack<I>(a.n_rows), count = to_lapack<I>(rows.n_rows), query = -1;
    const I ld = to_lapack<I>(a.row_stride), ld_rows = to_lapack<I>(rows.row_stride);
    I info = 0;
    T size = 0;
    ormtr("L", upper_triangle, "N", &n, &count, a.data, &ld, tau, rows.data, &ld_rows, &size, &query, &info);
    check_info(info, "ormtr");
    Matrix<T> work = workspace(size);
    const I work_size = to_lapack<I>(work.size());
    ormtr("L", upper_triangle, "N", &n, &count, a.data, &ld, tau, rows.data, &ld_rows, work.data(), &work_size, &info);
    check_info(info, "ormtr");
}

template <class I, class T> void call_syevr(void* address, MatrixView<T> a, Index k, T* w, T* z)
{
    using Function = void (*)(const char*, const char*, const char*, const I*, T*, const I*, const T*, const T*,
                              const I*, const I*, const T*, I*, T*, T*, const I*, I*, T*, const I*, I*, const I*, I*);
    const auto syevr = reinterpret_cast<Function>(address);
    const I n = to_lapack<I>(a.n_rows), ld = to_lapack<I>(a.row_stride), query = -1;
    const I first = to_lapack<I>(a.n_rows - k + 1);
    const T unused = 0, tol = 0;
    I found = 0, info = 0, int_size = 0;
    T size = 0;
    std::vector<I> support(2 * static_cast<std::size_t>(k));
    std::vector<T> values(static_cast<std::size_t>(n));
    syevr("V", "I", upper_triangle, &n, a.data, &ld, &unused, &unused, &first, &n, &tol, &found, values.data(), z, &n,
          support.data(), &size, &query, &int_size, &query, &info);
    check_info(info, "syevr");
    Matrix<T> work = workspace(size);
    std::vector<I> int_work(static_cast<std::size_t>(int_size));
    const I work_size = to_lapack<I>(work.size());
    syevr("V", "I", upper_triangle, &n, a.data, &ld, &unused, &unused, &first, &n, &tol, &found, values.data(), z, &n,
          support.data(), work.data(), &work_size, int_work.data(), &int_size, &info);
    check_info(info, "syevr");
    if (found != to_lapack<I>(k))
        throw NumericalError("syevr found " + std::to_string(found) + " of " + std::to_string(k) + " eigenpairs");
    std::copy_n(values.data(), k, w);
}

/// Column-major a (n_cols of the view) x (n_rows): LAPACK sees the transposed matrix, so u and vt change places.
template <class I, class T> void call_gesdd(void* address, MatrixView<T> a, T* u, T* s, T* vt)
{
    using Function =
        void (*)(const char*, const I*, const I*, T*, const I*, T*, T*, const I*, T*, const I*, T*, const I*, I*, I*);
    const auto gesdd = reinterpret_cast<Function>(address);
    const I m = to_lapack<I>(a.n_cols), n = to_lapack<I>(a.n_rows), ld = to_lapack<I>(a.row_stride), query = -1;
    const I rank = std::min(m, n);
    I info = 0;
    T size = 0;
    std::vector<I> int_work(8 * static_cast<std::size_t>(rank));
    gesdd("S", &m, &n, a.data, &ld, s, vt, &m, u, &rank, &size, &query, int_work.data(), &info);
    check_info(info, "gesdd");
    Matrix<T> work = workspace(size);
    const I work_size = to_lapack<I>(work.size());
    gesdd("S", &m, &n, a.data, &ld, s, vt, &m, u, &rank, work.data(), &work_size, int_work.data(), &info);
    check_info(info, "gesdd");
}

Matrix<double> widened(MatrixView<const float> a)
{
    Matrix<double> result(a.n_rows, a.n_cols);
    for (Index i = 0; i < a.n_rows; ++i)
        for (Index j = 0; j < a.n_cols; ++j)
            result(i, j) = static_cast<double>(a(i, j));
    return result;
}

/// Every value of `from`, rounded.
void round_into(const Matrix<double>& from, MatrixView<float> to)
{
    for (Index i = 0; i < to.n_rows; ++i)
        for (Index j = 0; j < to.n_cols; ++j)
            to(i, j) = static_cast<float>(from(i, j));
}

} // namespace

void set_lapack(const LapackTable& new_table) { table = new_table; }
const LapackTable& get_lapack() { return table; }

namespace linalg {

template <class T> bool lapack_reduces()
{
    return pick<T>(table.ssytrd, table.dsytrd) != nullptr && pick<T>(table.sormtr, table.dormtr) != nullptr;
}

template <class T>
void reduce_to_tridiagonal(MatrixView<T> a, std::vector<T>& d, std::vector<T>& e, std::vector<T>& tau, int threads)
{
    const auto n = static_cast<std::size_t>(a.n_rows);
    d.resize(n);
    e.resize(n - 1);
    tau.resize(n - 1);
    void* const address = pick<T>(table.ssytrd, table.dsytrd);
    const LimitedThreads limit(threads, a.n_rows);
    table.ilp64 ? call_sytrd<std::int64_t>(address, a, d.data(), e.data(), tau.data())
                : call_sytrd<std::int32_t>(address, a, d.data(), e.data(), tau.data());
}

template <class T>
void apply_reflections(MatrixView<const T> reflections, const std::vector<T>& tau, MatrixView<T> rows, int threads)
{
    void* const address = pick<T>(table.sormtr, table.dormtr);
    const LimitedThreads limit(threads, rows.n_cols);
    table.ilp64 ? call_ormtr<std::int64_t>(address, reflections, tau.data(), rows)
                : call_ormtr<std::int32_t>(address, reflections, tau.data(), rows);
}

template <class T> void symmetric_eigen(MatrixView<T> a, std::vector<T>& w, int threads)
{
    if (lapack_reduces<T>()) {
        symmetric_eigen_by_reduction(a, w, threads);
        return;
    }
    w.resize(static_cast<std::size_t>(a.n_rows));
    if constexpr (std::is_same_v<T, double>)
        own_symmetric_eigen(a, w);
    else {
        Matrix<double> wide = widened(a);
        std::vector<double> values;
        own_symmetric_eigen(wide.view(), values);
        round_into(wide, a);
        std::transform(values.begin(), values.end(), w.begin(), [](double value) { return static_cast<float>(value); });
    }
}

template <class T> Matrix<T> symmetric_eigen_leading(MatrixView<T> a, Index k, std::vector<T>& w, int threads)
{
    w.resize(static_cast<std::size_t>(k));
    Matrix<T> v(k, a.n_rows);
    void* const address = pick<T>(table.ssyevr, table.dsyevr);
    if (address && k < a.n_rows) { // of all pairs, divide and conquer gives the more orthogonal vectors
        const LimitedThreads limit(threads, a.n_rows);
        table.ilp64 ? call_syevr<std::int64_t>(address, a, k, w.data(), v.data())
                    : call_syevr<std::int32_t>(address, a, k, w.data(), v.data());
        return v;
    }
    std::vector<T> all;
    symmetric_eigen(a, all, threads);
    std::copy_n(all.data() + (a.n_rows - k), k, w.data());
    for (Index i = 0; i < k; ++i)
        std::copy_n(&a(a.n_rows - k + i, 0), a.n_rows, v.data() + i * a.n_rows);
    return v;
}

template <class T>
void singular_values_and_vectors(MatrixView<T> a, Matrix<T>& u, std::vector<T>& s, Matrix<T>& vt, int threads)
{
    const Index rank = std::min(a.n_rows, a.n_cols);
    u = Matrix<T>(a.n_rows, rank);
    vt = Matrix<T>(rank, a.n_cols);
    s.resize(static_cast<std::size_t>(rank));
    if (void* const address = pick<T>(table.sgesdd, table.dgesdd)) {
        const LimitedThreads limit(threads, rank);
        table.ilp64 ? call_gesdd<std::int64_t>(address, a, u.data(), s.data(), vt.data())
                    : call_gesdd<std::int32_t>(address, a, u.data(), s.data(), vt.data());
        return;
    }
    if constexpr (std::is_same_v<T, double>)
        own_singular_values_and_vectors(a, u, s, vt);
    else {
        Matrix<double> wide = widened(a), wide_u, wide_vt;
        std::vector<double> values;
        own_singular_values_and_vectors(wide.view(), wide_u, values, wide_vt);
        round_into(wide_u, u.view());
        round_into(wide_vt, vt.view());
        std::transform(values.begin(), values.end(), s.begin(), [](double value) { return static_cast<float>(value); });
    }
}

#define MATFACT_LAPACK_CALLS(T)                                                                                        \
    template bool lapack_reduces<T>();                                                                                 \
    template void reduce_to_tridiagonal(MatrixView<T>, std::vector<T>&, std::vector<T>&, std::vector<T>&, int);        \
    template void apply_reflections(MatrixView<const T>, const std::vector<T>&, MatrixView<T>, int);                   \
    template void symmetric_eigen(MatrixView<T>, std::vector<T>&, int);                                                \
    template Matrix<T> symmetric_eigen_leading(MatrixView<T>, Index, std::vector<T>&, int);                            \
    template void singular_values_and_vectors(MatrixView<T>, Matrix<T>&, std::vector<T>&, Matrix<T>&, int);
MATFACT_LAPACK_CALLS(float)
MATFACT_LAPACK_CALLS(double)

} // namespace linalg

} // namespace matfact
