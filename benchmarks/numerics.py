"""What portable numerics cost: our engine as it is against the same engine in this processor's fastest numerics."""

from benchmarks.bench import Bench, Part
from benchmarks.statistics import ratio, spread

EXAMPLES = 15_000


def run(bench: Bench) -> Part:
    sharded, whole = bench.project({}), bench.project({"train": {"shards": 1}})
    common = ("--epochs", 1, "--examples", EXAMPLES)
    modes = {
        "portable": (sharded, common, {}),
        "fastest kernels, same shards and workers": (sharded, (*common, "--native", "--threads", 1), {}),
        "fastest kernels, whole batches on all threads": (whole, (*common, "--native"), {"WORKERS": "1"}),
    }
    seconds: dict[str, list[float]] = {name: [] for name in modes}
    for _ in bench.rounds(5):
        for name, (folder, options, environment) in modes.items():
            seconds[name].append(bench.engine(folder, *options, **environment).facts["fit_seconds"])
    fastest = [min(others) for others in zip(*list(seconds.values())[1:], strict=True)]
    rows = [
        {"": name, "training (s)": spread(times), "portable, times slower": ratio(seconds["portable"], times)}
        for name, times in seconds.items()
    ]
    part = Part({"": rows})
    cost = ratio(seconds["portable"], fastest)["median"]
    part.goal("(e) portable numerics against the faster of the others: times slower", cost, at_most=1.5)
    part.notes = [
        f"The default network and recipe, one epoch of {EXAMPLES} examples, the time inside `fit` alone.",
        "The fastest numerics are what torch chooses by itself: the environment that importing `stages` pinned is "
        "given back before torch loads. First with the same shards on the same workers, one thread inside an operator; "
        "then as one writes plain torch: no shards, no workers, all threads inside the operators.",
    ]
    return part
