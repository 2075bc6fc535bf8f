"""Errors and warnings that are matfact's own; range and type errors are ValueError and TypeError."""

from matfact._core import NumericalError

__all__ = ["ConvergenceWarning", "NumericalError"]


class ConvergenceWarning(UserWarning):
    """An iteration ended before it reached the accuracy that was asked for; ``status`` says how."""
