"""Textbook versions in plain NumPy: slow, short, checkable by hand. The oracle of the tests; never shipped.

Orientation as users write it: X (m, n) ~ W (m, k) H (k, n); NaN in X means missing.
"""
