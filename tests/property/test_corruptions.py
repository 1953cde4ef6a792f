"""Corruptions of images of any shape and content."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.core.experiments.corruptions import SEVERITIES
from stages.core.experiments.corruptions.images import CORRUPTIONS, OF_COLOURS, corrupt

SIDES = st.integers(1, 9)


@settings(max_examples=40, deadline=None)
@given(
    images=st.tuples(SIDES, st.sampled_from((1, 3)), SIDES, SIDES).flatmap(lambda shape: arrays(np.uint8, shape)),
    name=st.sampled_from(list(CORRUPTIONS)),
    severity=st.sampled_from((0, *SEVERITIES)),
    seed=st.integers(0, 2**63 - 1),
)
def test_shape_type_and_input_are_kept(images: np.ndarray, name: str, severity: int, seed: int) -> None:
    assume(images.shape[1] == 3 or name not in OF_COLOURS)
    before = images.copy()
    first, again = (corrupt(images, name, severity, np.random.default_rng(seed)) for _ in range(2))
    assert first.shape == images.shape and first.dtype == np.uint8
    assert np.array_equal(first, again) and np.array_equal(images, before)
