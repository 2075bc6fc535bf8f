"""NumPy's Philox4x64-10 as a function of counter and key."""

from __future__ import annotations

import numpy as np


def philox4x64(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, ...]:
    """One block. NumPy steps its 256-bit counter before it draws, so the generator starts one earlier."""
    whole = sum(word << (64 * i) for i, word in enumerate(counter))
    before = (whole - 1) % (1 << 256)
    words = np.array([(before >> (64 * i)) & (2**64 - 1) for i in range(4)], dtype=np.uint64)
    generator = np.random.Philox(counter=words, key=np.array(key, dtype=np.uint64))
    return tuple(int(v) for v in generator.random_raw(4))
