r"""What predictions and lists are worth, on entries that the model has not seen.

Predictions are judged by their errors, the ratings of the test part less what is predicted,

============= ========================================================================================================
rmse          :math:`\sqrt{\mathrm{mean}(e^2)}` [1]_
mae           :math:`\mathrm{mean}(|e|)` [1]_
============= ========================================================================================================

and lists with binary relevance: the items of a user in the test part are relevant, all others are not. With
:math:`r_j = 1` where the item at rank j (from 1) is relevant and :math:`n` relevant items of a user,

============= ========================================================================================================
precision@k   :math:`\sum_{j \le k} r_j / k` [2]_
recall@k      :math:`\sum_{j \le k} r_j / \min(k, n)`, so that 1 can be reached [3]_
hit_rate@k    1 if any :math:`r_j = 1`, :math:`j \le k`, else 0 [4]_
mrr@k         :math:`1 / j` of the first :math:`r_j = 1`, :math:`j \le k`; 0 without one [5]_
map@k         :math:`\sum_{j \le k} r_j \, \mathrm{precision@}j / \min(k, n)` [6]_
ndcg@k        :math:`\sum_{j \le k} r_j / \log_2(j + 1)` over its largest value,
              :math:`\sum_{j \le \min(k, n)} 1 / \log_2(j + 1)` [7]_
novelty@k     the mean of :math:`-\log_2(n_i / n_\mathrm{users})` over the list, where :math:`n_i` users (at least 1 is
              taken) have an entry of the fit with item i [8]_
auc           the share of pairs of a relevant and another item that the scores have in the right order, equal ones
              counting half [9]_; without `candidates` over all items but those of the fit
============= ========================================================================================================

each the mean over the users with at least one relevant item. Lists that are shorter than k miss in the ranks they lack.
And for all these users together,

============= ========================================================================================================
coverage@k    the share of the items of the fit that are in somebody's list [10]_
============= ========================================================================================================

References
----------
.. [1] Herlocker, J. L., Konstan, J. A., Terveen, L. G., and Riedl, J. T. (2004). Evaluating collaborative filtering
   recommender systems. ACM TOIS 22(1), 5-53. doi:10.1145/963770.963772
.. [2] Manning, C. D., Raghavan, P., and Schütze, H. (2008). Introduction to information retrieval, section 8.4.
   Cambridge University Press. doi:10.1017/CBO9780511809071
.. [3] Liang, D., Krishnan, R. G., Hoffman, M. D., and Jebara, T. (2018). Variational autoencoders for collaborative
   filtering. WWW 2018, 689-698. doi:10.1145/3178876.3186150
.. [4] Deshpande, M., and Karypis, G. (2004). Item-based top-N recommendation algorithms. ACM TOIS 22(1), 143-177.
   doi:10.1145/963770.963776
.. [5] Voorhees, E. M. (1999). The TREC-8 question answering track report. TREC-8, NIST SP 500-246, 77-82.
   https://trec.nist.gov/pubs/trec8/papers/qa_report.pdf
.. [6] McFee, B., Bertin-Mahieux, T., Ellis, D. P. W., and Lanckriet, G. R. G. (2012). The million song dataset
   challenge. WWW 2012 Companion, 909-916. doi:10.1145/2187980.2188222
.. [7] Järvelin, K., and Kekäläinen, J. (2002). Cumulated gain-based evaluation of IR techniques. ACM TOIS 20(4),
   422-446. doi:10.1145/582415.582418
.. [8] Zhou, T., Kuscsik, Z., Liu, J.-G., Medo, M., Wakeling, J. R., and Zhang, Y.-C. (2010). Solving the apparent
   diversity-accuracy dilemma of recommender systems. PNAS 107(10), 4511-4515. doi:10.1073/pnas.1000488107
.. [9] Rendle, S., Freudenthaler, C., Gantner, Z., and Schmidt-Thieme, L. (2009). BPR: Bayesian personalized ranking
   from implicit feedback. UAI 2009, 452-461. doi:10.48550/arXiv.1205.2618
.. [10] Ge, M., Delgado-Battenfeld, C., and Jannach, D. (2010). Beyond accuracy: evaluating recommender systems by
   coverage and serendipity. RecSys 2010, 257-260. doi:10.1145/1864708.1864761
.. [11] He, X., Liao, L., Zhang, H., Nie, L., Hu, X., and Chua, T.-S. (2017). Neural collaborative filtering. WWW 2017,
   173-182. doi:10.1145/3038912.3052569
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact._evaluation import Asked, auc, of_lists
from matfact._runtime import threads
from matfact.interactions import Interactions, require_ids_of, with_items_of

if TYPE_CHECKING:
    from matfact._recommender import Recommender


def rmse(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Root of the mean squared error.

    Parameters
    ----------
    truth, predicted : array-like of shape (n_entries,)
        Finite numbers, at least one.

    Returns
    -------
    float
        In the unit of the ratings.

    Raises
    ------
    ValueError
        If the lengths differ or are 0.

    Examples
    --------
    >>> from matfact import metrics
    >>> metrics.rmse([3, 5], [4, 5])
    0.7071067811865476
    """
    return float(np.sqrt(np.mean(_errors(truth, predicted) ** 2)))


def mae(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Mean absolute error.

    Parameters
    ----------
    truth, predicted : array-like of shape (n_entries,)
        Finite numbers, at least one.

    Returns
    -------
    float
        In the unit of the ratings.

    Raises
    ------
    ValueError
        If the lengths differ or are 0.

    Examples
    --------
    >>> from matfact import metrics
    >>> metrics.mae([3, 5], [4, 5])
    0.5
    """
    return float(np.mean(np.abs(_errors(truth, predicted))))


class Evaluation(dict[str, float]):
    """What `evaluate` found: the value of each metric by its name, shown as a table of metrics and lengths.

    Examples
    --------
    >>> import matfact
    >>> found = matfact.Evaluation({"ndcg@5": 0.25, "ndcg@10": 0.375, "auc": 0.875})
    >>> found
    metric     value        @5       @10
    ndcg              0.250000  0.375000
    auc     0.875000
    >>> found["ndcg@10"]
    0.375
    >>> found.rows()[0]
    {'metric': 'ndcg', 'k': 5, 'value': 0.25}
    """

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each value, for ``pandas.DataFrame(found.rows())`` and the like.

        Returns
        -------
        list of dict
            With ``"metric"``, ``"k"`` (int; None for metrics of no length) and ``"value"`` (float).
        """
        parts = ((name.partition("@"), value) for name, value in self.items())
        return [{"metric": stem, "k": int(k) if k else None, "value": value} for (stem, _, k), value in parts]

    def __repr__(self) -> str:
        rows = self.rows()
        lengths = sorted({row["k"] for row in rows}, key=lambda k: k or 0)
        cells = {stem: dict.fromkeys(lengths, "") for stem in dict.fromkeys(row["metric"] for row in rows)}
        for row in rows:
            cells[row["metric"]][row["k"]] = f"{row['value']:.6f}"
        table = [["metric", *(f"@{k}" if k else "value" for k in lengths)]]
        table += [[stem, *values.values()] for stem, values in cells.items()]
        first, *widths = (max(map(len, column)) for column in zip(*table, strict=True))
        lines = (
            "  ".join([stem.ljust(first), *(cell.rjust(width) for cell, width in zip(values, widths, strict=True))])
            for stem, *values in table
        )
        return "\n".join(line.rstrip() for line in lines)


def evaluate(
    model: Recommender,
    test: Interactions,
    metrics: Sequence[str] = ("ndcg@10", "recall@10"),
    *,
    k: Sequence[int] | None = None,
    history: Interactions | None = None,
    candidates: Interactions | None = None,
    exclude_seen: bool = True,
    num_threads: int | None = None,
) -> Evaluation:
    """Judge a fitted model by entries that were held out.

    Parameters
    ----------
    model : recommender
        Fitted to the training part.
    test : Interactions
        The test part, with the ids of the training part. An entry that is in the fit too counts as relevant, though
        with `exclude_seen` it is never listed: values then cannot reach 1.
    metrics : sequence of str, default=("ndcg@10", "recall@10")
        ``"rmse"``, ``"mae"``, ``"auc"``, or precision, recall, hit_rate, mrr, map, ndcg, coverage or novelty with the
        length of the list, such as ``"ndcg@10"``; `matfact.metrics` defines them.
    k : sequence of int, optional
        Lengths for those of `metrics` that name none: ``["ndcg"], k=[5, 10]`` is ``["ndcg@5", "ndcg@10"]``.
    history : Interactions, optional
        Entries to fold the test users in with, where they were not in the fit (`strong_generalization`); lists only.
    candidates : Interactions, optional
        The other items that a user's test items are ranked among, instead of all: those with an entry in the user's
        row, as `sample_negatives` draws them [11]_. Such values compare with others of the same kind only.
    exclude_seen : bool, default=True
        Leave the entries of the fit, or of `history`, out of the lists.
    num_threads : int, optional
        At least 1, for models that have no number of their own.

    Returns
    -------
    Evaluation
        A dict with a value for each metric, in their order, that prints as a table.

    Raises
    ------
    ValueError
        If a metric is unknown, `test` has no entry or none with an item of the fit, or `history` or `candidates` have
        other users or items than `test`.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> import matfact
    >>> x = matfact.Interactions(sp.csr_array([[1, 1, 1, 0], [1, 1, 1, 0], [0, 1, 1, 1]]))
    >>> train, test = matfact.leave_k_out(x)
    >>> model = matfact.ImplicitMF(2, random_state=0).fit(train)
    >>> matfact.evaluate(model, test, ["hit_rate", "precision"], k=[1, 2])
    metric           @1        @2
    hit_rate   0.666667  1.000000
    precision  0.666667  0.500000
    """
    lengths = {name: check_metric(name) for name in _with_lengths(metrics, k)}
    if test.n_interactions == 0:
        raise ValueError("test must hold at least one entry")
    known = model.interactions_
    relevant = with_items_of(known, test)
    if relevant.nnz == 0:
        raise ValueError("test has no entry with an item of the fit: is it users x items, with the ids of the fit?")
    for other, title in ((history, "history"), (candidates, "candidates")):
        if other is not None:
            require_ids_of(test, other, f"{title} must have the users and items of test")
    asked = Asked(
        model,
        test.user_ids,
        test.user_counts,
        relevant,
        None if history is None else with_items_of(known, history),
        None if candidates is None else with_items_of(known, candidates),
        exclude_seen,
    )
    with nullcontext() if num_threads is None else threads(num_threads):
        results = Evaluation(dict.fromkeys(lengths, 0.0))
        for name in lengths:
            if name in ERRORS:
                results[name] = ERRORS[name](test.matrix.data, _predictions(model, test, history))
            elif name == "auc":
                results[name] = auc(asked)
        results |= of_lists({name: n for name, n in lengths.items() if n}, asked)
    return results


def _predictions(model: Recommender, test: Interactions, history: Interactions | None) -> Any:
    if history is not None:
        raise ValueError("rmse and mae are of users of the fit: leave history out")
    users = np.repeat(test.user_ids, test.user_counts)
    return model.predict(users, test.item_ids[test.matrix.indices])


ERRORS: dict[str, Callable[[Any, Any], float]] = {"rmse": rmse, "mae": mae}
"""Metrics of ratings; less is better."""
_LISTS = (*_core.ListMetric.__members__, "coverage")


def _with_lengths(metrics: Sequence[str], k: Sequence[int] | None) -> list[str]:
    if isinstance(metrics, str):
        raise TypeError(f"metrics must be a sequence of names, got {metrics!r}")
    if k is None:
        return list(metrics)
    return [f"{name}@{n}" if name in _LISTS else name for name in metrics for n in (k if name in _LISTS else k[:1])]


def check_metric(name: str) -> int:
    """The length of the lists that a metric is of, 0 for one of scores; ValueError where there is no such metric."""
    stem, _, k = name.partition("@")
    if name in ERRORS or name == "auc":
        return 0
    if stem in _LISTS and k.isdecimal() and 1 <= int(k) < 2**63:
        return int(k)
    raise ValueError(
        f"metrics must be 'rmse', 'mae', 'auc' or one of {', '.join(_LISTS)} with a length, as 'ndcg@10', got {name!r}"
    )


def _errors(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> npt.NDArray[np.float64]:
    a, b = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if a.shape != b.shape or a.size == 0:
        raise ValueError(f"truth and predicted must be equally long and not empty, got shapes {a.shape} and {b.shape}")
    return a - b
