"""Shards add up to the whole batch, and workers change no bit."""

import pytest
import torch
from torch import nn

from stages.core.base.command import InputError
from stages.core.base.cores import thread_count
from stages.core.training.parallel import ShardedModel, Workers, tree_sum


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))


def gradient(model: nn.Module, shards: int, workers: int) -> tuple[float, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn((32, 1, 8, 8), generator=generator).tensor_split(shards)
    targets = torch.randint(0, 3, (32,), generator=generator).tensor_split(shards)
    with Workers(workers) as pool:
        return ShardedModel(model, shards, pool).gradient(
            lambda replica, shard: (
                nn.functional.cross_entropy(replica(inputs[shard]), targets[shard], reduction="sum") / 32
            )
        )


@pytest.mark.parametrize("shards", [1, 2, 4, 8, 16])
def test_shards_give_the_gradient_of_the_whole_batch_to_rounding(shards):
    plain = network()
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn((32, 1, 8, 8), generator=generator)
    loss = nn.functional.cross_entropy(plain(inputs), torch.randint(0, 3, (32,), generator=generator))
    loss.backward()
    expected = torch.cat([p.grad.reshape(-1) for p in plain.parameters() if p.grad is not None])
    total, found = gradient(network(), shards, workers=1)
    assert total == pytest.approx(loss.item(), rel=1e-5)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("workers", [2, 3, 4, 8])
def test_workers_change_no_bit(workers):
    alone, shared = gradient(network(), 8, 1), gradient(network(), 8, workers)
    assert alone[0] == shared[0] and torch.equal(alone[1], shared[1])


def test_tree_sum_adds_neighbours_first():
    big = 2.0**24  # where float32 has no room left for + 1
    parts = [torch.tensor(value) for value in (big, 1.0, 1.0, 1.0)]
    assert tree_sum(parts).item() == big + 2  # (big + 1) + (1 + 1); from left to right it would be big


def test_replicas_share_their_weights_and_own_their_buffers():
    with Workers(1) as workers:
        sharded = ShardedModel(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), 2, workers)
        sharded.weights.fill_(3.0)
        assert all((p == 3).all() for model in (sharded.model, *sharded.replicas) for p in model.parameters())
        for replica, value in zip(sharded.replicas, (1.0, 5.0), strict=True):
            replica.get_buffer("1.running_mean").fill_(value)
        sharded.average_buffers()
        assert sharded.model.get_buffer("1.running_mean").tolist() == [3.0, 3.0]
        assert sharded.replicas[0].get_buffer("1.running_mean").tolist() == [1.0, 1.0]


def test_frozen_parameters_are_shared_and_stay_out_of_vector_and_gradient():
    model = network()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    with Workers(1) as workers:
        sharded = ShardedModel(model, 2, workers)
        assert sharded.weights.numel() == 4 * 36 * 3 + 3
        _, found = sharded.gradient(lambda replica, shard: replica(torch.ones(2, 1, 8, 8)).sum())
        assert found.numel() == sharded.weights.numel()
        sharded.weights.zero_()
    for each in (sharded.model, *sharded.replicas):
        assert torch.equal(each.get_parameter("0.weight"), before) and not each.get_parameter("3.weight").any()
        assert each.get_parameter("0.weight") is model[0].weight


def test_between_ranks_tensors_travel_as_numbers(monkeypatch):
    """The other rank is played by one that has the same numbers, doubled."""

    def gather(parts: list[torch.Tensor], mine: torch.Tensor) -> None:
        for part, factor in zip(parts, (1, 2), strict=True):
            part.copy_(factor * mine)

    monkeypatch.setattr(torch.distributed, "all_gather", gather)
    monkeypatch.setattr(torch.distributed, "all_gather_object", None)
    workers = Workers(1, rank=0, ranks=2)
    found = workers.map_tensors(lambda item: torch.tensor([item, 10 * item]), [3, 4, 6, 8])
    assert [tensor.tolist() for tensor in found] == [[3, 30], [4, 40], [6, 60], [8, 80]]


def test_the_cores_are_those_a_container_may_use(monkeypatch):
    monkeypatch.delenv("WORKERS", raising=False)
    monkeypatch.setattr("joblib.cpu_count", lambda: 6)
    assert [thread_count(ranks) for ranks in (1, 2, 8)] == [6, 3, 1]


def test_results_keep_the_order_of_the_items():
    with Workers(3) as workers:
        assert workers.map(lambda x: x * x, range(20)) == [x * x for x in range(20)]


def test_an_error_in_a_worker_reaches_the_caller():
    def fail(item: int) -> None:
        raise ZeroDivisionError(item)

    with Workers(2) as workers, pytest.raises(ZeroDivisionError):
        workers.map(fail, [1])


def test_the_number_of_workers_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("WORKERS", "3")
    assert thread_count(1) == 3
    monkeypatch.delenv("WORKERS")
    assert thread_count(1) >= 1


@pytest.mark.parametrize("text", ["0", "-1", "two", "", "1.5"])
def test_a_number_of_workers_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv("WORKERS", text)
    with pytest.raises(InputError, match=r"WORKERS = '.*': must be a whole number, 1 or more"):
        thread_count(1)
