#include "random_factor.hpp"

#include "matfact/random.hpp"
#include "parallel.hpp"
#include "require.hpp"

#include <algorithm>
#include <cmath>

namespace matfact {

void fill_uniform(MatrixView<float> x, float low, float high, std::uint64_t seed, std::uint64_t stream, int threads)
{
    constexpr Index block_rows = 256;
    for_blocks(x.n_rows, block_rows, threads, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i)
            for (Index j = 0; j < x.n_cols; j += 4) {
                const Block4x64 bits =
                    philox4x64({static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(j), 0, 0}, {seed, stream});
                for (Index c = j; c < std::min(j + 4, x.n_cols); ++c)
                    x(i, c) = low + (high - low) *
                                        (static_cast<float>(bits[static_cast<std::size_t>(c - j)] >> 40) * 0x1p-24f);
            }
    });
}

bool copy_start(MatrixView<const float> start, MatrixView<float> x)
{
    if (start.data == nullptr)
        return false;
    require(start.n_rows == x.n_rows && start.n_cols == x.n_cols, "start must have the shape of the users' factors");
    for (Index i = 0; i < x.n_rows; ++i)
        for (Index j = 0; j < x.n_cols; ++j) {
            require(std::isfinite(start(i, j)), "start must be finite");
            x(i, j) = start(i, j);
        }
    return true;
}

} // namespace matfact
