"""The comparisons, each a function from a `Bench` to a `Part`; the first line of its docstring is its heading."""

import json
import statistics
from collections.abc import Callable

import yaml

from benchmarks import images, tables
from benchmarks.bench import EXAMPLES, QUICK_EXAMPLES, ROOT, Bench, Part, mean_std, metric, preset, ratio, spread
from stages.core.config.automatic import settled

EXAMPLE_EPOCHS = 14  # of the published description; repeated here since this process must not import torch
NUMERICS_EXAMPLES = 15_000


def guide(bench: Bench) -> Part:
    """The guide's loop against ours: one linear layer, batches of 64, 10 epochs of plain SGD at 0.01."""
    linear = preset("guide")
    linear["train"]["shards"] = 1
    peers, engines, stages = [], [], []
    for seed in bench.rounds(3):
        peers.append(bench.peer("guide", seed=seed))
        engines.append(bench.engine(bench.project(linear, seed)))
        stages.append(bench.stage("train", bench.project(linear, seed)))
    fits = [[job.facts["fit_seconds"] for job in jobs] for jobs in (peers, engines)]
    accuracies = [mean_std([job.facts["test_accuracy"] for job in jobs]) for jobs in (peers, engines)]
    wholes = [[job.seconds for job in jobs] for jobs in (peers, stages)]
    faster = ratio(fits[0], fits[1])
    part = Part(
        [
            "Same model, optimiser, batch, epochs and number of examples. Ours measures its curves after each epoch as "
            "well, and sees pixels of mean 0 and standard deviation 1 where ToTensor gives 0 to 1: same work.",
            "Ours runs with `shards: 1`, on one core: a step this small is not worth sharing. Its process is the "
            "`train` stage as DVC runs it.",
        ]
    )
    part.table(
        ["", "training (s)", "whole process (s)", "test accuracy", "training, times faster", "process, times faster"],
        [
            ["the guide's loop", spread(fits[0]), spread(wholes[0]), accuracies[0], None, None],
            ["ours", spread(fits[1]), spread(wholes[1]), accuracies[1], faster, ratio(wholes[0], wholes[1])],
        ],
    )
    part.goal("the guide's loop, its training against ours: times faster", faster["median"], at_least=10)
    return part


def example(bench: Bench) -> Part:
    """The network and recipe of PyTorch's own MNIST example against our default and our fast recipe."""
    epochs, default, fast = [], [], []
    for seed in bench.rounds(5):
        epochs.append(bench.peer("example", "--epochs", 1, seed=seed))
        default.append(bench.trained("default", seed))
        fast += [bench.trained("fast", 2 * seed), bench.trained("fast", 2 * seed + 1)]
    epoch = [job.facts["fit_seconds"] for job in epochs]
    peer = [EXAMPLE_EPOCHS * seconds for seconds in epoch]
    part = Part(
        [
            "PyTorch's example is timed for one whole epoch a round, 938 steps, which is then multiplied by its "
            f"{EXAMPLE_EPOCHS} epochs; neither the start of its process nor its passes over the test set count. It "
            "reads torchvision's MNIST through a DataLoader, on all cores, in torch's fastest mode.",
            "Ours are whole processes of the `train` stage, from the interpreter's start to the written model, "
            "validation included. The test accuracy is that of the `evaluate` stage, one seed a run.",
            "Seeds: each against the next, the last against the first, on the same test images, by the verdict on "
            "accuracy of `python -m stages.compare`, which takes McNemar's exact p < 0.01 to call one better.",
        ]
    )
    accuracy = mean_std([job.facts["test_accuracy"] for job in epochs])
    memory = spread([job.peak_mib for job in epochs], 0)
    rows = [
        ["PyTorch's example, 1 epoch", spread(epoch, 1), None, memory, accuracy, None],
        [f"PyTorch's example, {EXAMPLE_EPOCHS} epochs: {EXAMPLE_EPOCHS} times that", spread(peer, 1), *[None] * 4],
    ]
    seeds = []
    for name, runs, least_accuracy, least_ratio in (("default", default, 0.995, 12), ("fast", fast, 0.99, 45)):
        jobs = [job for _, job, _ in runs]
        accuracies = [accuracy for _, _, accuracy in runs]
        times = [job.seconds for job in jobs]
        faster = ratio([seconds for seconds in peer for _ in range(len(jobs) // len(peer))], times)
        cpu, memory = spread([job.cpu_seconds for job in jobs], 1), spread([job.peak_mib for job in jobs], 0)
        rows.append([f"our {name} recipe", spread(times, 1), cpu, memory, mean_std(accuracies), faster])
        part.goal(f"{name} recipe: mean test accuracy", statistics.fmean(accuracies), at_least=least_accuracy)
        part.goal(f"{name} recipe: times faster than PyTorch's example", faster["median"], at_least=least_ratio)
        pairs = bench.engine(ROOT, "--pairs", *[str(folder) for folder, _, _ in runs]).facts["pairs"]
        alike = sum(pair["verdict"] == "indistinguishable" for pair in pairs)
        largest, smallest = max(abs(pair["difference"]) for pair in pairs), min(pair["p_value"] for pair in pairs)
        seeds.append([f"our {name} recipe", len(pairs), alike, round(largest, 5), round(smallest, 5)])
    part.table(["", "time (s)", "CPU time (s)", "peak memory (MiB)", "test accuracy", "times faster"], rows)
    columns = ["", "pairs of seeds", "indistinguishable", "largest difference in accuracy", "smallest p"]
    part.table(columns, seeds, "Two seeds of one recipe: does `compare` tell them apart?")
    part.goal("default recipe: peak memory (MiB)", max(job.peak_mib for _, job, _ in default), at_most=1536)
    what = "fast recipe: share of pairs of seeds that `compare` finds indistinguishable"
    part.goal(what, seeds[-1][2] / seeds[-1][1], at_least=0.9)
    return part


def one_cycle(bench: Bench) -> Part:
    """A one-epoch recipe in plain torch, tuned by its author for the least time to 99%, against our fast recipe."""
    peers = [bench.peer("one_cycle", seed=seed) for seed in bench.rounds(5)]
    ours = [bench.trained("fast", seed) for seed in bench.rounds(5)]
    fits, accuracies = ([job.facts[name] for job in peers] for name in ("fit_seconds", "test_accuracy"))
    times, our_times = [job.seconds for job in peers], [job.seconds for _, job, _ in ours]
    our_accuracy = mean_std([accuracy for _, _, accuracy in ours])
    part = Part(
        [
            "Adam with betas 0.7 and 0.9 throughout, a one-cycle schedule that peaks at 0.01, batches of 256 from one "
            "tensor; all cores, torch's fastest kernels, no validation. Its process loads torchvision to read the "
            "images, and scores the test set. Its author tuned it on that very test set.",
            "Ours are the runs of the comparison above with the same seeds.",
        ]
    )
    part.table(
        ["", "training (s)", "whole process (s)", "test accuracy", "process, its time / ours"],
        [
            ["one epoch, one cycle", spread(fits), spread(times), mean_std(accuracies), None],
            ["our fast recipe", None, spread(our_times), our_accuracy, ratio(times, our_times)],
        ],
    )
    return part


def numerics(bench: Bench) -> Part:
    """What portable numerics cost against this processor's fastest, in the same engine; what the input side costs."""
    sharded, whole = bench.project({}), bench.project({"train": {"shards": 1}})
    common = ("--epochs", 1, "--examples", NUMERICS_EXAMPLES)
    modes = {
        "portable": (sharded, common, {}),
        "fastest kernels, same shards and workers": (sharded, (*common, "--native", "--threads", 1), {}),
        "fastest kernels, whole batches on all threads": (whole, (*common, "--native"), {"WORKERS": "1"}),
    }
    seconds: dict[str, list[float]] = {name: [] for name in modes}
    for _ in bench.rounds(5):
        for name, (folder, options, environment) in modes.items():
            seconds[name].append(bench.engine(folder, *options, **environment).facts["fit_seconds"])
    portable, *others = seconds.values()
    part = Part(
        [
            f"The default network and recipe, one epoch of {NUMERICS_EXAMPLES} examples, the time inside `fit` alone.",
            "The fastest numerics are what torch chooses by itself: the environment that importing `stages` pinned is "
            "given back before torch loads. First with the same shards on the same workers, one thread inside an "
            "operator; then as one writes plain torch: no shards, no workers, all threads inside the operators.",
            "Input side: shuffling and drawing, which one core does while others wait, and gathering and varying the "
            f"images, whose seconds are divided by the {bench.cores} workers that share the shards out. Its share is "
            "of the steps alone, without the curves that `fit` measures after an epoch.",
        ]
    )
    rows = [[name, spread(times), ratio(portable, times)] for name, times in seconds.items()]
    part.table(["", "training (s)", "portable, times slower"], rows)
    cost = ratio(portable, [min(pair) for pair in zip(*others, strict=True)])["median"]
    part.goal("portable numerics against the faster of the others: times slower", cost, at_most=1.5)

    turned = bench.builtin("emoji", 0)
    bench.stage("prepare", turned)
    colour = bench.project(
        {name: section for name, section in preset("emoji").items() if name != "augment"}, link_data=False
    )
    (colour / "data").symlink_to(turned / "data")
    rows = []
    for name, folder, augmented in (
        ("MNIST, 28 x 28", sharded, "shift"),
        ("emoji, 64 x 64 in colour", colour, "shift"),
        ("the same", turned, "shift, flip, rotation, scale"),
    ):
        epochs = [bench.engine(folder, "--epochs", 1).facts for _ in bench.rounds(3)]
        training, input_side = ([facts[key] for facts in epochs] for key in ("epochs_seconds", "input_seconds"))
        share = ratio(input_side, training, 4)
        rows.append([name, augmented, spread(training), spread(input_side, 3), share])
        part.goal(f"input side, {name}, {augmented}: share of the training time", share["median"], at_most=0.05)
    columns = ["images", "varied by", "training (s)", "of it input side (s)", "share"]
    part.table(columns, rows, "Input side of one epoch of all examples")
    return part


def folds(bench: Bench) -> Part:
    """5-fold cross-validation: our stage against the cost of its trainings, and scikit-learn's `cross_validate`."""
    folder, train, _ = bench.trained("default", 0)
    examples = QUICK_EXAMPLES if bench.quick else EXAMPLES
    default = settled(bench.default, "image", "classification", examples)
    settings = default["cross_validate"]
    count, epochs = settings["folds"], settings["epochs"] or default["train"]["epochs"]
    one = ("--epochs", epochs, "--examples", examples - examples // count)
    recipe = json.dumps({name: default[name] for name in ("model", "train")})

    single = [bench.engine(folder, *one)]
    ours = []
    for _ in bench.rounds(2):
        ours.append(bench.stage("cross_validate", folder))
        single += [bench.engine(folder, *one), bench.engine(folder, *one)]
    options = ("--recipe", recipe, "--folds", count, "--epochs", epochs)
    peer = bench.peer("folds", *options, module="peer_folds")  # once: minutes are scarce
    stage = [job.seconds for job in ours]
    trainings = count * statistics.median(job.facts["fit_seconds"] for job in single)
    processes = count * statistics.median(job.seconds for job in single)
    weights = single[0].facts["weights"]
    accuracy, peers_accuracy = round(metric(folder, "cross_validate"), 5), round(peer.facts["accuracy"], 5)
    alone, started = ratio([trainings] * len(stage), stage), ratio([processes] * len(stage), stage)
    peers = "scikit-learn's `cross_validate`, plain torch"
    part = Part(
        [
            "Our stage is the whole process, and is held against nothing but the trainings themselves: its start, its "
            "reading and scoring of the folds are all overhead.",
            "The peer trains the same network with the same optimiser, schedule, batch and epochs, one fold after the "
            "other, all cores and torch's fastest kernels, but without augmentation, which makes its accuracy another "
            "one.",
            "The peak memory of a stage is the largest of its runs, and that in all the largest of the stages.",
        ]
    )
    part.table(
        ["", "time (s)", "accuracy over the folds", "weights", "its time / our stage's"],
        [
            [f"our stage, {count} folds of {epochs} epochs", spread(stage, 1), accuracy, weights, None],
            [f"{count} x one such training, `fit` alone", round(trainings, 1), None, weights, alone],
            [f"{count} x one such training, as processes", round(processes, 1), None, weights, started],
            [
                peers,
                spread([peer.seconds], 1),
                peers_accuracy,
                peer.facts["weights"],
                ratio([peer.seconds], stage[-1:]),
            ],
        ],
    )
    overhead = statistics.median(stage) / trainings
    part.goal(f"{count}-fold cross-validation against {count} trainings: times the cost", overhead, at_most=1.1)

    before = {
        "prepare": [bench.prepare],
        "cross_validate": ours,
        "train": [train],
        "evaluate": [train.facts["evaluate"]],
    }
    stages = list(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])  # in the order they run
    jobs = {name: before.get(name) or [bench.stage(name, folder)] for name in stages[stages.index("prepare") :]}
    times = {name: statistics.median(job.seconds for job in runs) for name, runs in jobs.items()}
    peaks = {name: max(job.peak_mib for job in runs) for name, runs in jobs.items()}
    times["in all"], peaks["in all"] = sum(times.values()), max(peaks.values())
    rows = [[name, round(times[name], 1), round(peaks[name])] for name in times]
    part.table(["", "time (s)", "peak memory (MiB)"], rows, "All stages after `fetch`, one after the other")
    part.goal("all stages after fetch, one after the other (s)", times["in all"], at_most=150)
    part.goal("all stages after fetch: peak memory (MiB)", peaks["in all"], at_most=1536)
    return part


ALL: dict[str, Callable[[Bench], Part]] = {
    "guide": guide,
    "example": example,
    "one_cycle": one_cycle,
    "numerics": numerics,
    "folds": folds,
    "emoji": images.emoji,
    "fashion": images.fashion,
    "decode": images.decode,
    "diamonds": tables.diamonds,
    "rows": tables.rows,
    "flights": tables.flights,
    "predict": tables.predict,
    "scale": images.scale,
}
