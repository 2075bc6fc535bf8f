"""The certificate of an estimator: residuals and error bounds of its singular values."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.utils.validation import check_is_fitted

from matfact import typing as mt
from matfact._certificate import Certificate


class Certified:
    """An estimator with `singular_values_`, `components_`, and a `_certificate` that its fit leaves behind."""

    _is_centered: ClassVar[bool]
    _certificate: Certificate | None = None
    singular_values_: mt.FloatArray
    components_: mt.FloatArray

    @property
    def residuals_(self) -> mt.FloatArray:
        """Residuals of the singular triplets, relative to the largest singular value."""
        return self._measured()[0]

    @property
    def error_bounds_(self) -> mt.FloatArray:
        """Bounds of the errors of `singular_values_`."""
        return self._measured()[1]

    def _measured(self) -> tuple[mt.FloatArray, mt.FloatArray]:
        check_is_fitted(self)
        if self._certificate is None:
            raise AttributeError(
                "nothing is known of errors: arrays of other libraries are fitted by scikit-learn's own code"
            )
        return self._certificate.of(self.singular_values_, self.components_, self._is_centered)

    def __getstate__(self) -> Any:
        # X does not go along: what it takes to know the errors is measured before.
        if self._certificate is not None:
            self._measured()
        return super().__getstate__()
