#pragma once

/// The largest relative error of what matfact makes of a matrix with missing entries.
double error_with_missing_entries();
