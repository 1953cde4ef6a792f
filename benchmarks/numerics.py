"""What portable numerics cost against this processor's fastest, in the same engine; what the input side costs."""

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

    whole_epochs = [bench.engine(sharded, "--epochs", 1).facts for _ in bench.rounds(3)]
    training, input_side = ([facts[name] for facts in whole_epochs] for name in ("epochs_seconds", "input_seconds"))
    share = spread([a / b for a, b in zip(input_side, training, strict=True)], 4)
    part.tables["Input side of the default recipe, one epoch of all examples"] = [
        {"training (s)": spread(training), "of it input side (s)": spread(input_side, 3), "share": share}
    ]
    shift = bench.default["augment"]["shift"]
    part.goal("(e) input side: share of the training time", share["median"], at_most=0.05)
    part.notes = [
        f"The default network and recipe, one epoch of {EXAMPLES} examples, the time inside `fit` alone.",
        "The fastest numerics are what torch chooses by itself: the environment that importing `stages` pinned is "
        "given back before torch loads. First with the same shards on the same workers, one thread inside an operator; "
        "then as one writes plain torch: no shards, no workers, all threads inside the operators.",
        f"Input side: shuffling, gathering and augmenting (shifts by up to {shift} pixels) batches of uint8 images, "
        f"which one core does while the others wait; here there are {bench.cores}. Its share is of the steps alone, "
        "without the curves that `fit` measures after an epoch.",
    ]
    return part
