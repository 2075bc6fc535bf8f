#include "linalg/symmetry.hpp"

#include "linalg/kernel.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace matfact::linalg {

namespace {

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes" // of the vector types that Eigen's template is made for
#endif
/// What is seen of the entries, two squares of them at a time that face each other across the diagonal.
template <class T> class Extremes {
public:
    static constexpr Index side = packet_size<T>;

    /// lower(i, j) = lower[i * stride + j] faces upper(j, i).
    void take(const T* lower, const T* upper, Index stride)
    {
        namespace ei = Eigen::internal;
        ei::PacketBlock<P, static_cast<int>(side)> facing;
        for (Index j = 0; j < side; ++j)
            facing.packet[j] = ei::ploadu<P>(upper + j * stride);
        ei::ptranspose(facing);
        const P zero = ei::pset1<P>(T(0));
        for (Index i = 0; i < side; ++i) {
            const P own = ei::ploadu<P>(lower + i * stride), other = facing.packet[i];
            magnitude_ = ei::pmax(magnitude_, ei::pmax(ei::pabs(own), ei::pabs(other)));
            asymmetry_ = ei::pmax(asymmetry_, ei::pabs(ei::psub(own, other)));
            poison_ = ei::pmadd(zero, own, ei::pmadd(zero, other, poison_)); // 0 x is NaN for NaN and infinity
        }
    }

    T magnitude() const { return Eigen::internal::predux_max(magnitude_) + Eigen::internal::predux(poison_); }
    T asymmetry() const { return Eigen::internal::predux_max(asymmetry_); }

private:
    using P = Packet<T>;
    P magnitude_ = Eigen::internal::pset1<P>(T(0)), asymmetry_ = magnitude_, poison_ = magnitude_;
};
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

} // namespace

template <class T> Symmetry<T> symmetry_of(MatrixView<const T> a, int threads)
{
    constexpr Index block_rows = 64, side = Extremes<T>::side;
    if (a.row_stride == 1)
        a = a.transposed();
    const Index n = a.n_rows, n_blocks = block_count(n, block_rows);
    std::vector<T> magnitudes(static_cast<std::size_t>(n_blocks)), asymmetries(magnitudes);
    for_blocks(n, block_rows, threads, [&](Index begin, Index end, Index block) {
        Extremes<T> seen;
        for (Index j = 0; j < end; j += side)
            for (Index i = std::max(begin, j); i < end; i += side) {
                if (a.col_stride == 1 && i + side <= n) {
                    // More rows at once than the processor foresees.
                    for (Index r = 0; r < side && j + 2 * side <= i; ++r) {
                        Eigen::internal::prefetch(&a(i + r, j + side));
                        Eigen::internal::prefetch(&a(j + side + r, i));
                    }
                    seen.take(&a(i, j), &a(j, i), a.row_stride);
                    continue;
                }
                T lower[side * side] = {}, upper[side * side] = {};
                for (Index r = 0; r < std::min(side, n - i); ++r)
                    for (Index c = 0; c < std::min(side, n - j); ++c) {
                        lower[r * side + c] = a(i + r, j + c);
                        upper[c * side + r] = a(j + c, i + r);
                    }
                seen.take(lower, upper, side);
            }
        magnitudes[static_cast<std::size_t>(block)] = seen.magnitude();
        asymmetries[static_cast<std::size_t>(block)] = seen.asymmetry();
    });
    Symmetry<T> all;
    for (std::size_t block = 0; block < magnitudes.size(); ++block) {
        if (!std::isfinite(magnitudes[block]))
            return {magnitudes[block], T(0)};
        all.magnitude = std::max(all.magnitude, magnitudes[block]);
        all.asymmetry = std::max(all.asymmetry, asymmetries[block]);
    }
    return all;
}

template Symmetry<float> symmetry_of(MatrixView<const float>, int);
template Symmetry<double> symmetry_of(MatrixView<const double>, int);

} // namespace matfact::linalg
