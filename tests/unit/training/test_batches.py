"""Which examples a step takes, and the first of them as the network gets them."""

import numpy as np
import torch

from stages.core.data.examples import Examples
from stages.core.training.batches import batches, first_examples
from stages.core.training.engine import Engine
from stages.core.training.objectives import objective_of
from stages.core.training.parallel import Workers


def test_an_epoch_takes_every_example_once(recipe):
    first, again, second, fold = (
        batches(recipe(train={"batch_size": 10}), 47, *of) for of in ((0, 1), (0, 1), (0, 2), (1, 1))
    )
    assert [len(batch) for batch in first] == [10, 10, 9, 9, 9]
    assert sorted(torch.cat(first).tolist()) == list(range(47))
    assert torch.equal(torch.cat(first), torch.cat(again))
    assert not any(torch.equal(torch.cat(first), torch.cat(other)) for other in (second, fold))


def test_the_first_images_are_those_of_the_first_step(recipe, digits, monkeypatch):
    varied = recipe(augment={"shift": 0.2, "flip": "both"}, train={"batch_size": 48, "shards": 4})
    data = digits(96)
    found = first_examples(varied, data)
    assert found.inputs.shape == (40, *data.inputs.shape[1:]) and found.inputs.dtype == np.uint8
    seen = []
    with Workers(1) as workers:
        engine = Engine(varied, data, objective_of(varied.train, "classification"), 10, workers)
        own = engine.source.batch
        monkeypatch.setattr(engine.source, "batch", lambda *of: seen.append(own(*of)) or seen[-1])
        monkeypatch.setattr(engine, "check_finite", lambda *_: None)
        engine.train_epoch(1, [], lambda: None)
    assert np.array_equal(np.concatenate(seen[:4])[:40], found.inputs)
    assert np.array_equal(data.targets[batches(varied, 96, 0, 1)[0][:40]], found.targets)


def test_the_first_rows_are_as_they_came(recipe):
    data = Examples(np.random.default_rng(0).normal(size=(30, 3)), np.arange(30.0))
    found = first_examples(recipe(train={"batch_size": 8, "shards": 1}), data)
    assert len(found) == 8 and np.array_equal(found.inputs, data.inputs[found.targets.astype(int)])
