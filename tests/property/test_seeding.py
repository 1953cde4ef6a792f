from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.base.seeding import derive, numpy_generator

names = st.lists(st.integers() | st.text("ab'/\"1\\", max_size=4), max_size=4)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(), name=names, other_seed=st.integers(), other=names)
def test_streams_differ_by_seed_and_name_and_repeat(seed: int, name: list, other_seed: int, other: list):
    assert 0 <= derive(seed, *name) < 2**63
    assert (derive(seed, *name) == derive(seed, *other)) == (name == other)
    assert (derive(seed, *name) == derive(other_seed, *name)) == (seed == other_seed)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(), name=names)
def test_a_generator_repeats_whatever_was_drawn_before(seed: int, name: list):
    first = numpy_generator(seed, *name).random(3)
    numpy_generator(seed, "something else").random(1000)
    assert (numpy_generator(seed, *name).random(3) == first).all()
