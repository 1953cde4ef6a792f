"""The network and recipe of PyTorch's own MNIST example against our default and our fast recipe."""

import statistics

from benchmarks.bench import Bench, Part
from benchmarks.statistics import mean_std, ratio, spread

# Of the published description; repeated here since this process must not import torch.
EPOCHS, EXAMPLES, BATCH = 14, 60_000, 64
ROUNDS = 5
FAST_PER_ROUND = 2


def run(bench: Bench) -> Part:
    epochs, default, fast = [], [], []
    for seed in bench.rounds(ROUNDS):
        epochs.append(bench.peer("example", "--epochs", 1, seed=seed))
        default.append(bench.trained("default", seed))
        fast += [bench.trained("fast", FAST_PER_ROUND * seed + index) for index in range(FAST_PER_ROUND)]
    epoch = [job.facts["fit_seconds"] for job in epochs]
    peer = [EPOCHS * seconds for seconds in epoch]
    paired = {
        "default": (default, ratio(peer, [job.seconds for _, job, _ in default])),
        "fast": (fast, ratio([s for s in peer for _ in range(FAST_PER_ROUND)], [job.seconds for _, job, _ in fast])),
    }
    measured_row = {
        "": "PyTorch's example, 1 epoch",
        "time (s)": spread(epoch, 1),
        "CPU time (s)": None,
        "peak memory (MiB)": spread([job.peak_mib for job in epochs], 0),
        "test accuracy": mean_std([job.facts["test_accuracy"] for job in epochs]),
        "times faster": None,
    }
    peer_row = {
        **dict.fromkeys(measured_row),
        "": f"PyTorch's example, {EPOCHS} epochs: {EPOCHS} times that",
        "time (s)": spread(peer, 1),
    }
    part = Part({"": [measured_row, peer_row]})
    for name, (runs, faster) in paired.items():
        accuracies = [accuracy for _, _, accuracy in runs]
        part.tables[""].append(
            {
                "": f"our {name} recipe",
                "time (s)": spread([job.seconds for _, job, _ in runs], 1),
                "CPU time (s)": spread([job.cpu_seconds for _, job, _ in runs], 1),
                "peak memory (MiB)": spread([job.peak_mib for _, job, _ in runs], 0),
                "test accuracy": mean_std(accuracies),
                "times faster": faster,
            }
        )
        least_accuracy, least_ratio = (0.995, 12) if name == "default" else (0.99, 45)
        part.goal(f"(b) {name} recipe: mean test accuracy", statistics.fmean(accuracies), at_least=least_accuracy)
        part.goal(f"(b) {name} recipe: times faster than PyTorch's example", faster["median"], at_least=least_ratio)
    part.goal("(b) default recipe: peak memory (MiB)", max(job.peak_mib for _, job, _ in default), at_most=1536)

    rows = part.tables["Two seeds of one recipe: does `compare` tell them apart?"] = []
    for name, (runs, _) in paired.items():
        pairs = bench.compared([folder for folder, _, _ in runs])
        alike = sum(pair["verdict"] == "indistinguishable" for pair in pairs)
        rows.append(
            {
                "": f"our {name} recipe",
                "pairs of seeds": len(pairs),
                "indistinguishable": alike,
                "largest difference in accuracy": round(max(abs(pair["difference"]) for pair in pairs), 5),
                "smallest p": round(min(pair["p_value"] for pair in pairs), 5),
            }
        )
        if name == "fast":
            what = "(b) fast recipe: share of pairs of seeds that `compare` finds indistinguishable"
            part.goal(what, alike / len(pairs), at_least=0.9)
    part.notes = [
        f"PyTorch's example is timed for one whole epoch a round, {-(-EXAMPLES // BATCH)} steps, which is then "
        f"multiplied by its {EPOCHS} epochs; neither the start of its process nor its passes over the test set count. "
        "It reads torchvision's MNIST through a DataLoader, on all cores, in torch's fastest mode.",
        "Ours are whole processes of the `train` stage, from the interpreter's start to the written model, validation "
        "included. The test accuracy is that of the `evaluate` stage, one seed a run.",
        "The accuracy of the example after all of its epochs: `python -m benchmarks full`, three such runs.",
        "Seeds: each against the next, the last against the first, on the same test images, by the verdict on accuracy "
        "of `python -m stages.compare`, which takes McNemar's exact p < 0.01 to call one better.",
    ]
    return part
