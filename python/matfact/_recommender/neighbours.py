"""Items, and users, that are alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from matfact._recommender.factors import Factor, Factors
from matfact._recommender.histories import require_known
from matfact._top_n import Recommendations, search
from matfact._validation import check_num_threads
from matfact.interactions import Codes


class Neighbours(Factors):
    """Those whose factors make small angles."""

    def similar_items(self, items: Any, n: int = 10) -> Recommendations:
        """Find the items whose factors make the smallest angles with those of `items`.

        Parameters
        ----------
        items : id or sequence of ids
            Of the fit.
        n : int, default=10
            Neighbours of each, at least 1; the item itself is none.

        Returns
        -------
        Recommendations
            Scores are cosines; 0 with items that have no history.

        Raises
        ------
        ValueError
            If `n` is below 1, or an item is unknown.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self, "interactions_")
        known = self.interactions_
        return self._similar(self._h, require_known(known.item_codes(items), items, "item"), known.item_ids, n)

    def similar_users(self, users: Any, n: int = 10) -> Recommendations:
        """Find the users whose factors make the smallest angles with those of `users`.

        Parameters
        ----------
        users : id or sequence of ids
            Of the fit.
        n : int, default=10
            Neighbours of each, at least 1; the user is none.

        Returns
        -------
        Recommendations
            ``items`` holds ids of users; scores are cosines.

        Raises
        ------
        ValueError
            If `n` is below 1, or a user is unknown.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self, "interactions_")
        known = self.interactions_
        return self._similar(self._w, require_known(known.user_codes(users), users, "user"), known.user_ids, n)

    def _factors_only(self, factor: Factor) -> Factor:
        return factor

    def _similar(self, factor: Factor, codes: Codes, ids: npt.NDArray[Any], n: Any) -> Recommendations:
        factor = self._factors_only(factor)
        norms = np.sqrt(np.einsum("ij,ij->i", factor, factor, dtype=np.float64))
        unit = (factor / np.where(norms > 0.0, norms, 1.0)[:, None]).astype(np.float32)
        itself = sp.csr_array((np.ones(len(codes)), codes, np.arange(len(codes) + 1)), shape=(len(codes), len(ids)))
        return search(unit[codes], unit, ids, itself, None, n, check_num_threads(self.num_threads))
