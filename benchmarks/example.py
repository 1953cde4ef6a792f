"""The network and recipe of PyTorch's own MNIST example against our default and our fast recipe."""

import statistics

from benchmarks.bench import Bench, Part
from benchmarks.statistics import mean_std, ratio, spread

# Of the published description; repeated here since this process must not import torch.
EPOCHS, EXAMPLES, BATCH = 14, 60_000, 64
TIMED_STEPS = 150
ROUNDS = 5
FAST_PER_ROUND = 2


def run(bench: Bench) -> Part:
    steps_in_all = EPOCHS * -(-EXAMPLES // BATCH)
    peer, default, fast = [], [], []
    for seed in bench.rounds(ROUNDS):
        job = bench.peer("example", "--steps", 10 if bench.quick else TIMED_STEPS, seed=seed)
        peer.append(job.facts["step_seconds"] * steps_in_all)
        default.append(bench.trained("default", seed))
        fast += [bench.trained("fast", FAST_PER_ROUND * seed + index) for index in range(FAST_PER_ROUND)]
    paired = {
        "default": (default, ratio(peer, [job.seconds for _, job, _ in default])),
        "fast": (fast, ratio([s for s in peer for _ in range(FAST_PER_ROUND)], [job.seconds for _, job, _ in fast])),
    }
    part = Part()
    peer_row = {
        "": "PyTorch's example",
        "time (s)": spread(peer, 1),
        "CPU time (s)": None,
        "peak memory (MiB)": None,
        "test accuracy": None,
        "times faster": None,
    }
    part.tables[""] = [peer_row]
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
    part.notes = [
        f"PyTorch's example is timed for {TIMED_STEPS} steps a round, after a few to warm up, and multiplied to its "
        f"{EPOCHS} epochs of {-(-EXAMPLES // BATCH)} steps; neither the start of its process nor its passes over the "
        "test set count. It reads torchvision's MNIST through a DataLoader, on all cores, in torch's fastest mode.",
        "Ours are whole processes of the `train` stage, from the interpreter's start to the written model, validation "
        "included. The test accuracy is that of the `evaluate` stage, one seed a run.",
        "The accuracy of the example after all of its epochs: `python -m benchmarks full`, half an hour.",
    ]
    return part
