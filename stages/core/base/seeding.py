"""Named random streams: every draw comes from a generator seeded by the root seed and the purpose of the draw."""

import hashlib

import numpy as np


def derive(seed: int, *name: str | int) -> int:
    """The seed, in [0, 2**63), of the stream called `name` under the root `seed`.

    A stream depends on its name alone, so a run can be resumed, split or reordered without saving any generator's
    state. Two names collide with the probability that 63 bits of SHA-256 do.
    """
    text = "/".join([str(seed), *(repr(part) for part in name)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_generator(seed: int, *name: str | int) -> np.random.Generator:
    """A NumPy generator for the stream called `name`; PCG64 named, since NumPy may change its default."""
    return np.random.Generator(np.random.PCG64(derive(seed, *name)))
