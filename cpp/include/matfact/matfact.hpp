/// Everything but the optional Eigen adapters (matfact/eigen.hpp).
#pragma once

#include "matfact/certificate.hpp"
#include "matfact/complete.hpp"
#include "matfact/eigh.hpp"
#include "matfact/factorize.hpp"
#include "matfact/gram.hpp"
#include "matfact/lapack.hpp"
#include "matfact/matrix.hpp"
#include "matfact/moments.hpp"
#include "matfact/pca.hpp"
#include "matfact/ppca.hpp"
#include "matfact/progress.hpp"
#include "matfact/random.hpp"
#include "matfact/runtime.hpp"
#include "matfact/sketch.hpp"
#include "matfact/status.hpp"
#include "matfact/svd.hpp"
