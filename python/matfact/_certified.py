"""The certificate of an estimator: residuals and error bounds of its singular values."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from matfact import typing as mt
from matfact._borrowed import Borrowed
from matfact._certificate import Certificate
from matfact._validation import walkable


class Certified:
    """An estimator with `singular_values_`, `components_`, and a `_certificate` that its fit leaves behind."""

    _is_centered: ClassVar[bool]
    _certificate: Certificate | None = None
    singular_values_: mt.FloatArray
    components_: mt.FloatArray

    @property
    def residuals_(self) -> mt.FloatArray:
        """Residuals of the singular triplets, relative to the largest singular value; AttributeError as below."""
        return self._measured()[0]

    @property
    def error_bounds_(self) -> mt.FloatArray:
        """Bounds of the errors of `singular_values_`.

        They are measured with X where the solver did not do so: AttributeError where X is gone when they, or the
        residuals, are first looked at.
        """
        return self._measured()[1]

    def _measured(self) -> tuple[mt.FloatArray, mt.FloatArray]:
        check_is_fitted(self)
        if self._certificate is None:
            raise AttributeError(
                "nothing is known of errors: arrays of other libraries are fitted by scikit-learn's own code"
            )
        return self._certificate.of(self.singular_values_, self.components_, self._is_centered)

    def _give_back(self, X: Any) -> None:
        """At the end of a fit: keep X no longer than the caller does."""
        if self._certificate is None:
            return
        try:
            self._certificate.give_back(Borrowed(X, _as_fitted))
        except TypeError:  # a list: measuring takes less than its conversion did
            self._measured()

    def __getstate__(self) -> Any:
        # X does not go along: what it takes to know the errors is measured before, while that can be done.
        with suppress(AttributeError):
            self._measured()
        return super().__getstate__()


def _as_fitted(X: Any) -> mt.FloatArray:
    """X as the fits convert it."""
    return walkable(check_array(X, dtype=(np.float64, np.float32), ensure_all_finite=False))
