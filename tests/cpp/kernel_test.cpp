#include "linalg/kernel.hpp"

#include "support/matrices.hpp"

#include <cmath>

using namespace matfact;
using namespace matfact::testing;

TEST_CASE_TEMPLATE("tiles of every width and height hold the bits of the sum in order", T, float, double)
{
    constexpr Index half = linalg::half_packet_size<T>, depth = 13, widest = 2 * linalg::panel_width<T>;
    const Index most_rows = 2 * linalg::tile_rows + 1;
    const Matrix<T> coef = normal_matrix<T>(most_rows, depth, 1), panel = normal_matrix<T>(depth, widest + half, 2);
    const auto check = [&](Index rows, Index width, bool add) {
        Matrix<T> out = normal_matrix<T>(most_rows, widest + half, 3);
        const Matrix<T> before = normal_matrix<T>(most_rows, widest + half, 3);
        linalg::multiply_tiles<T>(rows, width, depth, panel.data(), panel.n_cols(), {coef.data(), depth, 1}, out.data(),
                                  out.n_cols(), add);
        bool is_exact = true;
        for (Index r = 0; r < most_rows; ++r)
            for (Index c = 0; c < out.n_cols(); ++c) {
                T sum = before(r, c);
                if (r < rows && c < width) {
                    sum = add ? sum : T(0);
                    for (Index k = 0; k < depth; ++k)
#ifdef __FMA__
                        sum = std::fma(coef(r, k), panel(k, c), sum);
#else
                        sum += coef(r, k) * panel(k, c);
#endif
                }
                is_exact = is_exact && out(r, c) == sum;
            }
        CHECK(is_exact);
    };
    for (Index width = 0; width <= widest; width += half)
        for (Index rows = 0; rows <= most_rows; ++rows) {
            CAPTURE(width);
            CAPTURE(rows);
            check(rows, width, false);
            check(rows, width, true);
        }
}
