/// A sequence of cheap random numbers for one task of a sampler.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/random.hpp"

namespace matfact {

/// 32 bits a draw, eight of them a block of Philox: the n-th draw depends on the arguments only.
class Draws {
public:
    Draws(std::uint64_t seed, std::uint64_t stream, std::uint64_t epoch, std::uint64_t task)
        : key_{seed, stream}, counter_{0, epoch, task, 0}
    {
    }
    std::uint32_t next()
    {
        if (left_ == 0) {
            block_ = philox4x64(counter_, key_);
            ++counter_[0];
            left_ = 8;
        }
        --left_;
        const std::uint64_t pair = block_[static_cast<std::size_t>(left_ / 2)];
        return static_cast<std::uint32_t>(left_ % 2 ? pair >> 32 : pair);
    }
    /// One of 0 .. n - 1; their probabilities differ by at most 2^-32.
    Index below(Index n)
    {
        return static_cast<Index>((static_cast<std::uint64_t>(next()) * static_cast<std::uint64_t>(n)) >> 32);
    }
    /// In [0, 1).
    double unit() { return next() * 0x1p-32; }

private:
    std::array<std::uint64_t, 2> key_;
    Block4x64 counter_, block_{};
    int left_ = 0;
};

} // namespace matfact
