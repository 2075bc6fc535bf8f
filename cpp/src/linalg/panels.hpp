/// The packed form in which kernel.hpp reads the right factor of a product.
#pragma once

#include "linalg/kernel.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <vector>

namespace matfact::linalg {

/// Packs rows [begin, end) of b as panels of panel_width columns, zero-padded; a panel follows a panel.
template <class T> void pack_panels(MatrixView<const T> b, Index begin, Index end, int threads, std::vector<T>& packed)
{
    constexpr Index width = panel_width<T>;
    const Index depth = end - begin, n_panels = block_count(b.n_cols, width);
    packed.resize(static_cast<std::size_t>(n_panels * width * depth));
    for_each_task(n_panels, threads, [&](Index p) {
        T* out = packed.data() + p * width * depth;
        const Index used = std::min(width, b.n_cols - p * width);
        for (Index k = begin; k < end; ++k, out += width)
            if (b.col_stride == 1 && used == width)
                std::copy_n(&b(k, p * width), width, out);
            else
                for (Index j = 0; j < width; ++j)
                    out[j] = j < used ? b(k, p * width + j) : T(0);
    });
}

} // namespace matfact::linalg
