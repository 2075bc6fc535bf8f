"""What all recommenders share once they have factors: scores, lists of items, users who were not there, and files."""

from __future__ import annotations

from matfact._recommender.factors import Factor
from matfact._recommender.histories import as_interactions, popularity, require_positive
from matfact._recommender.lists import Lists
from matfact._recommender.neighbours import Neighbours
from matfact._recommender.partial_fit import PartialFit
from matfact._recommender.saving import Saving
from matfact._recommender.scoring import Scoring


class Recommender(Lists, Neighbours, PartialFit, Scoring, Saving):
    """A user's score of an item is an inner product of their factors, or differs from one by a constant of the user.

    Users without a history, and ids that did not occur in `fit`, get what everybody would: the popularity of items, or
    where ratings are predicted the mean and the item's bias. An item whose id did not occur has the factor 0, as one
    without a history has unless factors are drawn: draws of it come from the prior. No score is ever NaN.
    """


__all__ = ["Factor", "Recommender", "as_interactions", "popularity", "require_positive"]
