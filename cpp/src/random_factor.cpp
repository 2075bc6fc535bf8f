#include "random_factor.hpp"

#include "matfact/random.hpp"
#include "parallel.hpp"

#include <cmath>

namespace matfact {

void fill_uniform(MatrixView<float> x, double deviation, std::uint64_t seed, std::uint64_t stream, int threads)
{
    constexpr Index block_rows = 256;
    const auto scale = static_cast<float>(std::sqrt(3.0) * deviation); // uniform in (-scale, scale)
    for_blocks(x.n_rows, block_rows, threads, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i)
            for (Index j = 0; j < x.n_cols; j += 4) {
                const Block4x64 bits =
                    philox4x64({static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(j), 0, 0}, {seed, stream});
                for (Index c = j; c < std::min(j + 4, x.n_cols); ++c)
                    x(i, c) =
                        scale * (static_cast<float>(bits[static_cast<std::size_t>(c - j)] >> 40) * 0x1p-23f - 1.0f);
            }
    });
}

} // namespace matfact
