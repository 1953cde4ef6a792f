"""A one-epoch recipe in plain torch, tuned by its author for the least time to 99%, against our fast recipe."""

from benchmarks.bench import Bench, Part
from benchmarks.statistics import mean_std, ratio, spread


def run(bench: Bench) -> Part:
    peers = [bench.peer("one_cycle", seed=seed) for seed in bench.rounds(5)]
    ours = [bench.trained("fast", seed) for seed in bench.rounds(5)]
    rows = [
        {
            "": "one epoch, one cycle",
            "training (s)": spread([job.facts["fit_seconds"] for job in peers]),
            "whole process (s)": spread([job.seconds for job in peers]),
            "test accuracy": mean_std([job.facts["test_accuracy"] for job in peers]),
            "process, its time / ours": None,
        },
        {
            "": "our fast recipe",
            "training (s)": None,
            "whole process (s)": spread([job.seconds for _, job, _ in ours]),
            "test accuracy": mean_std([accuracy for _, _, accuracy in ours]),
            "process, its time / ours": ratio([job.seconds for job in peers], [job.seconds for _, job, _ in ours]),
        },
    ]
    part = Part({"": rows})
    part.notes = [
        "Adam with betas 0.7 and 0.9 throughout, a one-cycle schedule that peaks at 0.01, batches of 256 from one "
        "tensor; all cores, torch's fastest kernels, no validation. Its process loads torchvision to read the images, "
        "and scores the test set. Its author tuned it on that very test set.",
        "Ours are the runs of comparison (b) with the same seeds.",
    ]
    return part
