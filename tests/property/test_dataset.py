import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.base.seeding import numpy_generator
from stages.core.data.examples import Examples, duplicates, from_every_stratum, normalisation


def make(counts: list[int], seed: int, levels: int = 256) -> Examples:
    generator = numpy_generator(seed, "images")
    targets = generator.permutation(np.repeat(np.arange(len(counts)), counts))
    return Examples(generator.integers(0, levels, (len(targets), 2, 3, 2), dtype=np.uint8), targets)


@settings(max_examples=100, deadline=None)
@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=6), share=st.floats(0, 1), seed=st.integers(0, 1000))
def test_a_subset_is_proportional_ordered_and_whole_in_its_classes(counts: list[int], share: float, seed: int):
    data = make(counts, seed)
    size = len(counts) + int(share * (len(data) - len(counts)))
    part = from_every_stratum(data, size, numpy_generator(seed, "subset"))
    kept = np.bincount(part.targets, minlength=len(counts))
    assert kept.sum() == len(part) == size
    assert ((kept >= 1) & (kept <= counts)).all()
    # Beyond the one example that every class keeps, shares are proportional within one.
    exact = (np.array(counts) - 1) * (size - len(counts)) / max(len(data) - len(counts), 1)
    assert (np.abs(kept - 1 - exact) < 1).all()
    remaining = iter(zip(data.inputs.tolist(), data.targets.tolist(), strict=True))
    assert all(example in remaining for example in zip(part.inputs.tolist(), part.targets.tolist(), strict=True))


@settings(max_examples=25, deadline=None)
@given(number=st.integers(2, 300), levels=st.integers(2, 256), seed=st.integers(0, 1000))
def test_normalisation_agrees_with_floats_and_ignores_the_order_of_rows(number: int, levels: int, seed: int):
    inputs = make([number], seed, levels).inputs
    found = normalisation(inputs)
    assert list(found.mean) == pytest.approx((inputs / 255).mean(axis=(0, 2, 3)).tolist(), rel=1e-12)
    assert list(found.std) == pytest.approx((inputs / 255).std(axis=(0, 2, 3)).tolist(), rel=1e-9)
    assert normalisation(inputs[::-1]) == found


@settings(max_examples=50, deadline=None)
@given(sizes=st.tuples(st.integers(1, 30), st.integers(1, 30)), kinds=st.integers(1, 40), seed=st.integers(0, 1000))
def test_duplicates_agree_with_a_pairwise_search(sizes: tuple[int, int], kinds: int, seed: int):
    images = make([kinds], seed).inputs
    picks = [numpy_generator(seed, "picks", part).integers(0, kinds, size) for part, size in enumerate(sizes)]
    train, test = (Examples(images[pick], np.zeros_like(pick)) for pick in picks)

    def repeats(part: Examples) -> int:
        return sum(any((image == earlier).all() for earlier in part.inputs[:i]) for i, image in enumerate(part.inputs))

    across = sum(any((image == known).all() for known in train.inputs) for image in test.inputs)
    assert duplicates(train, test, None) == {"train": repeats(train), "test": repeats(test), "across": across}
