#pragma once

/// The largest difference between what recommenders of all kinds say of pairs and what their lists say.
double disagreement_of_lists();
