#include "matfact/lapack.hpp"

#include "linalg/lapack_calls.hpp"
#include "matfact/status.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/SVD>

#include <limits>
#include <stdexcept>
#include <string>

namespace matfact
{

namespace
{

LapackTable table;

/// Sets the provider's thread count for one call. Its pool is the process's: another thread's call sees it as well.
class LimitedThreads
{
public:
    explicit LimitedThreads(int threads)
    {
        if (!table.get_num_threads || !table.set_num_threads)
            return;
        before_ = table.get_num_threads();
        if (before_ > threads)
            table.set_num_threads(threads);
        else
            before_ = 0;
    }
    ~LimitedThreads()
    {
        if (before_ > 0)
            table.set_num_threads(before_);
    }
    LimitedThreads(const LimitedThreads&) = delete;
    LimitedThreads& operator=(const LimitedThreads&) = delete;

private:
    int before_ = 0;
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

template <class I, class T> void call_syevd(void* address, MatrixView<T> a, T* w)
{
    using Function = void (*)(const char*, const char*, const I*, T*, const I*, T*, T*, const I*, I*, const I*, I*);
    const auto syevd = reinterpret_cast<Function>(address);
    const I n = to_lapack<I>(a.n_rows), ld = to_lapack<I>(a.row_stride), query = -1;
    I info = 0, int_size = 0;
    T size = 0;
    syevd("V", "U", &n, a.data, &ld, w, &size, &query, &int_size, &query, &info);
    check_info(info, "syevd");
    std::vector<T> work(static_cast<std::size_t>(size * (1 + std::numeric_limits<T>::epsilon())) + 1);
    std::vector<I> int_work(static_cast<std::size_t>(int_size));
    const I work_size = to_lapack<I>(static_cast<Index>(work.size()));
    syevd("V", "U", &n, a.data, &ld, w, work.data(), &work_size, int_work.data(), &int_size, &info);
    check_info(info, "syevd");
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
    syevr("V", "I", "U", &n, a.data, &ld, &unused, &unused, &first, &n, &tol, &found, values.data(), z, &n,
          support.data(), &size, &query, &int_size, &query, &info);
    check_info(info, "syevr");
    std::vector<T> work(static_cast<std::size_t>(size * (1 + std::numeric_limits<T>::epsilon())) + 1);
    std::vector<I> int_work(static_cast<std::size_t>(int_size));
    const I work_size = to_lapack<I>(static_cast<Index>(work.size()));
    syevr("V", "I", "U", &n, a.data, &ld, &unused, &unused, &first, &n, &tol, &found, values.data(), z, &n,
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
    std::vector<T> work(static_cast<std::size_t>(size * (1 + std::numeric_limits<T>::epsilon())) + 1);
    const I work_size = to_lapack<I>(static_cast<Index>(work.size()));
    gesdd("S", &m, &n, a.data, &ld, s, vt, &m, u, &rank, work.data(), &work_size, int_work.data(), &info);
    check_info(info, "gesdd");
}

template <class T> using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T> using StridedMap = Eigen::Map<RowMajor<T>, 0, Eigen::OuterStride<>>;

template <class T> StridedMap<T> map(MatrixView<T> a)
{
    return {a.data, a.n_rows, a.n_cols, Eigen::OuterStride<>(a.row_stride)};
}

template <class T> Eigen::SelfAdjointEigenSolver<RowMajor<T>> eigen_of(MatrixView<T> a)
{
    Eigen::SelfAdjointEigenSolver<RowMajor<T>> solver(map(a));
    if (solver.info() != Eigen::Success)
        throw NumericalError("the symmetric eigensolver did not converge");
    return solver;
}

} // namespace

void set_lapack(const LapackTable& new_table) { table = new_table; }
const LapackTable& get_lapack() { return table; }

namespace linalg
{

template <class T> void symmetric_eigen(MatrixView<T> a, std::vector<T>& w, int threads)
{
    w.resize(static_cast<std::size_t>(a.n_rows));
    if (void* const address = pick<T>(table.ssyevd, table.dsyevd)) {
        const LimitedThreads limit(threads);
        // The eigenvectors come as columns of a column-major matrix: as rows of ours.
        table.ilp64 ? call_syevd<std::int64_t>(address, a, w.data()) : call_syevd<std::int32_t>(address, a, w.data());
        return;
    }
    const auto solver = eigen_of(a);
    map(a) = solver.eigenvectors().transpose();
    std::copy_n(solver.eigenvalues().data(), a.n_rows, w.data());
}

template <class T> Matrix<T> symmetric_eigen_leading(MatrixView<T> a, Index k, std::vector<T>& w, int threads)
{
    w.resize(static_cast<std::size_t>(k));
    Matrix<T> v(k, a.n_rows);
    if (void* const address = pick<T>(table.ssyevr, table.dsyevr)) {
        const LimitedThreads limit(threads);
        table.ilp64 ? call_syevr<std::int64_t>(address, a, k, w.data(), v.data())
                    : call_syevr<std::int32_t>(address, a, k, w.data(), v.data());
        return v;
    }
    const auto solver = eigen_of(a);
    map(v.view()) = solver.eigenvectors().rightCols(k).transpose();
    std::copy_n(solver.eigenvalues().data() + (a.n_rows - k), k, w.data());
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
        const LimitedThreads limit(threads);
        table.ilp64 ? call_gesdd<std::int64_t>(address, a, u.data(), s.data(), vt.data())
                    : call_gesdd<std::int32_t>(address, a, u.data(), s.data(), vt.data());
        return;
    }
    const auto source = map(a);
    const auto copy_out = [&](const auto& solver) {
        if (solver.info() != Eigen::Success)
            throw NumericalError("the singular value decomposition did not converge");
        map(u.view()) = solver.matrixU();
        map(vt.view()) = solver.matrixV().transpose();
        std::copy_n(solver.singularValues().data(), rank, s.data());
    };
    // Small: one-sided Jacobi gives the small singular values to relative accuracy.
    if (rank <= 32)
        copy_out(Eigen::JacobiSVD<RowMajor<T>>(source, Eigen::ComputeThinU | Eigen::ComputeThinV));
    else
        copy_out(Eigen::BDCSVD<RowMajor<T>>(source, Eigen::ComputeThinU | Eigen::ComputeThinV));
}

#define MATFACT_LAPACK_CALLS(T)                                                                                        \
    template void symmetric_eigen(MatrixView<T>, std::vector<T>&, int);                                                \
    template Matrix<T> symmetric_eigen_leading(MatrixView<T>, Index, std::vector<T>&, int);                            \
    template void singular_values_and_vectors(MatrixView<T>, Matrix<T>&, std::vector<T>&, Matrix<T>&, int);
MATFACT_LAPACK_CALLS(float)
MATFACT_LAPACK_CALLS(double)

} // namespace linalg

} // namespace matfact
