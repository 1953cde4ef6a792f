"""PyTorch's own MNIST example trained in full, for its accuracy; not among what `make bench` runs."""

from benchmarks.bench import Bench, Part
from benchmarks.statistics import mean_std, spread


def run(bench: Bench) -> Part:
    jobs = [bench.peer("example", seed=seed) for seed in bench.rounds(3)]
    row = {
        "": "PyTorch's example, 14 epochs",
        "training (s)": spread([job.facts["fit_seconds"] for job in jobs], 1),
        "peak memory (MiB)": spread([job.peak_mib for job in jobs], 0),
        "test accuracy": mean_std([job.facts["test_accuracy"] for job in jobs]),
    }
    return Part({"": [row]})
