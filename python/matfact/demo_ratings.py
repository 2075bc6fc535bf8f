"""``matfact demo ratings``: movies rated, predicted and recommended, on MovieLens by download."""

from __future__ import annotations

import time
from typing import Any

from matfact import metrics
from matfact.baseline import Baseline
from matfact.biased_mf import BiasedMF
from matfact.datasets import MovieLens, fetch_movielens
from matfact.implicit_mf import ImplicitMF
from matfact.interactions import Interactions
from matfact.popularity import Popularity
from matfact.splits import leave_k_out, random_split

_LIKED = 4.0  # stars


def run() -> None:
    """Download ``latest-small`` if it is not there, and show what the models make of it."""
    show(fetch_movielens("latest-small"))


def show(data: MovieLens) -> None:
    """Print errors of ratings, hits of lists, and one user's list."""
    print(f"MovieLens latest-small (GroupLens; terms in its README): {data.ratings}\n")
    compare_ratings(data.ratings)
    model = compare_lists(data.ratings)
    user = model.interactions_.user_ids[model.interactions_.user_counts.argmax()]
    print(f"For user {user}, who liked the most movies, of all that were not rated:")
    seen = data.ratings.item_ids[data.ratings.matrix[data.ratings.user_codes(user)].indices]
    for item, score in model.recommend(user, 5, exclude=seen.tolist()).of(0):
        print(f"  {score:5.2f}  {data.titles.get(item, item)}")


def compare_ratings(ratings: Interactions) -> dict[str, float]:
    """Errors on a tenth of the entries."""
    train, test = random_split(ratings, 0.1)
    part, validation = random_split(train, 0.1)
    fits: dict[str, Any] = {
        "mean and biases": lambda: Baseline().fit(train),
        "BiasedMF, als": lambda: BiasedMF(32, l2=0.08, max_iter=40, random_state=0).fit(part, validation=validation),
        "BiasedMF, gibbs": lambda: BiasedMF(16, solver="gibbs", random_state=0).fit(train),
    }
    print(f"Root mean squared error on {test.n_interactions:,} ratings held out:")
    return _table(fits, test, "rmse")


def compare_lists(ratings: Interactions) -> Any:
    """Hits of one liked movie a user that was held out; the better model is returned."""
    liked = ratings.select(ratings.matrix.data >= _LIKED)
    train, test = leave_k_out(liked)
    model = ImplicitMF(64, l2=0.02, unobserved_weight=0.1, random_state=0)
    fits: dict[str, Any] = {"popularity": lambda: Popularity().fit(train), "ImplicitMF": lambda: model.fit(train)}
    print("Share of users whose held-out movie is among ten recommended:")
    _table(fits, test, "hit_rate@10")
    return model


def _table(fits: dict[str, Any], test: Interactions, metric: str) -> dict[str, float]:
    values = {}
    for name, fit in fits.items():
        started = time.perf_counter()
        model = fit()
        seconds = time.perf_counter() - started
        values[name] = metrics.evaluate(model, test, [metric])[metric]
        print(f"  {name:<16} {values[name]:.4f}   fitted in {seconds:.2f} s")
    print()
    return values
