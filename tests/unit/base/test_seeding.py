import numpy as np

from stages.core.base.seeding import derive, numpy_generator


def test_seeds_stay_the_same_for_ever():
    """Each committed result hangs on these values."""
    assert derive(0) == 3456079177858693020
    assert derive(0, "train", 1) == 432669258947714331
    assert numpy_generator(0, "prepare", "train").integers(1000, size=4).tolist() == [192, 481, 539, 646]


def test_names_are_told_apart_however_they_are_cut():
    names = [(), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("a/b",), ("a'/'b",), (1,), ("1",), (1, 1), (11,)]
    assert len({derive(0, *name) for name in names}) == len(names)


def test_root_seeds_are_told_apart():
    assert len({derive(seed, "shuffle") for seed in range(-50, 50)}) == 100


def test_a_generator_repeats_by_its_name_and_leaves_the_global_state_alone():
    before = np.random.get_state()[1].copy()
    draws = [numpy_generator(3, "folds", fold).random(5) for fold in (0, 0, 1)]
    assert (draws[0] == draws[1]).all()
    assert (draws[0] != draws[2]).all()
    assert (np.random.get_state()[1] == before).all()
