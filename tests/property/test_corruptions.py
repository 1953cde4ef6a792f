"""Corruptions of images of any shape and content."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from stages.core.experiments.corruptions import SEVERITIES
from stages.core.experiments.corruptions.images import CORRUPTIONS, corrupt


@settings(max_examples=40, deadline=None)
@given(
    images=arrays(np.uint8, array_shapes(min_dims=4, max_dims=4, max_side=9)),
    name=st.sampled_from(list(CORRUPTIONS)),
    severity=st.sampled_from((0, *SEVERITIES)),
    seed=st.integers(0, 2**63 - 1),
)
def test_shape_type_and_input_are_kept(images: np.ndarray, name: str, severity: int, seed: int) -> None:
    before = images.copy()
    first, again = (corrupt(images, name, severity, np.random.default_rng(seed)) for _ in range(2))
    assert first.shape == images.shape and first.dtype == np.uint8
    assert np.array_equal(first, again) and np.array_equal(images, before)
