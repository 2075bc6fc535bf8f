"""Saves small models of all kinds, and what they answer: `python write_models.py format_1`.

Run it with the version whose files are to stay readable, once, and commit what it writes. `test_saving.py` loads it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import matfact

MODELS = {
    "implicit_mf": matfact.ImplicitMF(3, max_iter=3, random_state=0),
    "implicit_mf_validated": matfact.ImplicitMF(3, solver="cg", max_iter=3, random_state=0),
    "biased_mf": matfact.BiasedMF(3, max_iter=3, random_state=0),
    "biased_mf_sgd": matfact.BiasedMF(3, solver="sgd", biases=False, max_iter=3, random_state=0),
    "biased_mf_gibbs": matfact.BiasedMF(2, solver="gibbs", burn_in=2, n_samples=3, random_state=0),
    "bpr": matfact.BPR(3, max_iter=3, random_state=0),
    "pure_svd": matfact.PureSVD(3),
    "pure_svd_by_degrees": matfact.PureSVD(3, normalize="degree"),
    "spectral_recommender": matfact.SpectralRecommender(3),
    "popularity": matfact.Popularity(),
    "baseline": matfact.Baseline(),
}


def interactions() -> matfact.Interactions:
    """Stars by twelve users with integers and strings for ids, of nine items; nobody is cold."""
    rng = np.random.default_rng(0)
    stars = np.where(rng.random((12, 9)) < 0.5, rng.integers(1, 6, (12, 9)), 0)
    stars[np.arange(12), np.arange(12) % 9] = 4
    users = [*range(100, 106), *(f"user {i}" for i in range(6))]
    return matfact.Interactions(sp.csr_array(stars.astype(np.float32)), user_ids=users, item_ids=list("abcdefghñ"))


def main(folder: Path) -> None:
    """Write one file a model, and all answers into one."""
    folder.mkdir(exist_ok=True)
    known, answers = interactions(), {}
    for name, model in MODELS.items():
        model.fit(known, **({"validation": known} if name.endswith("validated") else {}))
        model.save(folder / f"{name}.mf")
        found = model.recommend(known.user_ids, 3)
        answers[name] = {
            "model": type(model).__name__,
            "items": found.items.tolist(),
            "scores": np.where(found.mask, found.scores.astype(float), None).tolist(),
            "predictions": model.predict(known.user_ids, "c").astype(float).tolist(),
        }
    lines = (f'"{name}": {json.dumps(answer, ensure_ascii=False)}' for name, answer in answers.items())
    (folder / "answers.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(__file__).with_name(sys.argv[1]))
