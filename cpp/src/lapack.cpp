#include "matfact/lapack.hpp"

#include "linalg/lapack_calls.hpp"
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
    template void singular_values_and_vectors(MatrixView<T>, Matrix<T>&, std::vector<T>&, Matrix<T>&, int);
MATFACT_LAPACK_CALLS(float)
MATFACT_LAPACK_CALLS(double)

} // namespace linalg

} // namespace matfact
