/// Anderson acceleration of a fixed-point iteration (Walker and Ni, doi:10.1137/10078356X).
#pragma once

#include "linalg/normal_equations.hpp"

#include <deque>
#include <utility>

namespace matfact::linalg {

class Anderson {
public:
    /// From a point and its image: the combination of recent images whose steps cancel best.
    SmallVector extrapolate(const SmallVector& point, const SmallVector& image)
    {
        SmallVector step = image - point;
        if (last_step_.size() > 0) {
            steps_.push_back(step - last_step_);
            images_.push_back(image - last_image_);
            if (steps_.size() > depth) {
                steps_.pop_front();
                images_.pop_front();
            }
        }
        last_step_ = step;
        last_image_ = image;
        SmallVector next = image;
        if (steps_.empty())
            return next;
        const auto n = static_cast<Eigen::Index>(steps_.size());
        SmallMatrix gram(n, n);
        SmallVector weights(n);
        for (Eigen::Index i = 0; i < n; ++i) {
            weights[i] = steps_[static_cast<std::size_t>(i)].dot(step);
            for (Eigen::Index j = 0; j < n; ++j)
                gram(i, j) = steps_[static_cast<std::size_t>(i)].dot(steps_[static_cast<std::size_t>(j)]);
        }
        constexpr double ridge = 1e-12; // differences of steps become parallel towards the end
        factor_normal_equations(gram, ridge * gram.trace());
        solve_normal_equations(gram, weights);
        for (Eigen::Index i = 0; i < n; ++i)
            next -= weights[i] * images_[static_cast<std::size_t>(i)];
        return next;
    }

    void forget()
    {
        steps_.clear();
        images_.clear();
        last_step_.resize(0);
    }

private:
    static constexpr std::size_t depth = 5;
    std::deque<SmallVector> steps_, images_;
    SmallVector last_step_, last_image_;
};

} // namespace matfact::linalg
