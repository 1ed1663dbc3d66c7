"""The agents' seeded noise (src/gpu-agent/noise/philox.ts) in Python: torch's generator on CUDA, without a GPU."""

import numpy as np

_WORD = 2.0**32


def _words(elements: int, call: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """First two words of Philox4x32-10 for each element."""
    low = np.uint64(0xFFFFFFFF)
    c0 = np.full(elements, call, np.uint64)
    c1 = np.zeros(elements, np.uint64)
    c2 = np.arange(elements, dtype=np.uint64)
    c3 = np.zeros(elements, np.uint64)
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), p1 & low, (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1), p0 & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1


def normals(count: int, seed: int, call: int = 0) -> np.ndarray:
    x, y = (words.astype(np.float64) for words in _words(count, call, seed))
    u = (x / _WORD + 0.5 / _WORD).astype(np.float32).astype(np.float64)
    v = (2 * np.pi * (y + 0.5) / _WORD).astype(np.float32).astype(np.float64)
    return (np.sqrt(-2 * np.log(u)) * np.sin(v)).astype(np.float32)
