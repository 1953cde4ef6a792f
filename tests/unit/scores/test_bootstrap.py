import numpy as np
import pytest
from scipy import sparse, stats

from stages.core.base.seeding import numpy_generator
from stages.core.scores import bootstrap
from stages.core.scores.bootstrap import Sums, on_grid, percentile_interval, replicates


def mean(values: np.ndarray) -> Sums:
    return Sums(sparse.csr_array(on_grid(values)[None]), lambda sums: {"mean": sums[0] / len(values)})


def test_the_interval_of_a_mean_is_scipy_s():
    values = np.random.default_rng(1).exponential(size=300)
    [found] = replicates([mean(values)], np.zeros(300, np.int64), 10_000, numpy_generator(0, "bootstrap"))
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    width = expected.high - expected.low
    assert percentile_interval(found["mean"]) == pytest.approx(tuple(expected), abs=0.03 * width)


def test_each_class_keeps_its_size():
    targets = np.array([0] * 5 + [2] * 3 + [3])
    contributions = sparse.csr_array(np.eye(4)[:, targets])
    part = Sums(contributions, lambda sums: {str(label): sums[label] for label in range(4)})
    [found] = replicates([part], targets, 130, numpy_generator(0, "bootstrap"))
    assert {label: set(values) for label, values in found.items()} == {"0": {5.0}, "1": {0.0}, "2": {3.0}, "3": {1.0}}


def test_every_example_of_a_class_is_as_likely():
    targets = np.repeat([0, 1], [4, 2])
    part = Sums(sparse.csr_array(np.eye(6)), lambda sums: {str(example): sums[example] for example in range(6)})
    [found] = replicates([part], targets, 20_000, numpy_generator(0, "bootstrap"))
    assert [values.mean() for values in found.values()] == pytest.approx([1] * 6, abs=0.03)


def test_parts_see_the_same_resamples():
    values = np.random.default_rng(0).random(50)
    once, twice = replicates([mean(values), mean(values)], np.arange(50) // 25, 200, numpy_generator(0, "bootstrap"))
    assert (once["mean"] == twice["mean"]).all()
    assert once["mean"].std() > 0


def test_the_same_seed_gives_the_same_replicates_and_another_others():
    values = np.random.default_rng(0).random(50)
    first, again, other = (
        replicates([mean(values)], np.arange(50) // 25, 200, numpy_generator(seed, "bootstrap"))[0]["mean"]
        for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "_MEMORY", 1000)
    seen = []

    def scores(sums: np.ndarray) -> dict[str, np.ndarray]:
        seen.append(sums.shape[1])
        return {"count": sums[0]}

    part = Sums(sparse.csr_array(np.ones((1, 300))), scores)
    [found] = replicates([part], np.zeros(300, np.int64), 10, numpy_generator(0, "bootstrap"))
    assert seen == [3, 3, 3, 1]
    assert found["count"].tolist() == [300.0] * 10


def test_sums_on_the_grid_do_not_depend_on_their_order():
    values = on_grid(np.random.default_rng(0).exponential(size=10_000))
    assert len({float(np.cumsum(order)[-1]) for order in (values, values[::-1], np.sort(values))}) == 1


def test_percentiles_by_hand():
    assert percentile_interval(np.arange(1001.0)) == pytest.approx((25, 975))
    assert percentile_interval(np.arange(1001.0), 0.99) == pytest.approx((5, 995))
