"""The guide's loop against ours: one linear layer, batches of 64, 10 epochs of plain SGD at 0.01."""

from benchmarks.bench import Bench, Params, Part
from benchmarks.statistics import mean_std, ratio, spread

LINEAR: Params = {
    "model": {"name": "linear"},
    "augment": {"shift": 0, "rotation": 0.0, "scale": 0.0, "erase": 0},
    "train": {
        "epochs": 10, "batch_size": 64, "shards": 1, "loss": "cross_entropy", "label_smoothing": 0.0,
        "optimizer": "sgd", "lr": 0.01, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0, "grad_clip": 0.0,
        "schedule": "constant", "val_fraction": 0.0, "early_stopping": 0,
    },
}  # fmt: skip


def run(bench: Bench) -> Part:
    peers, engines, stages = [], [], []
    for seed in bench.rounds(3):
        peers.append(bench.peer("guide", seed=seed))
        engines.append(bench.engine(bench.project(LINEAR, seed)))
        stages.append(bench.stage("train", bench.project(LINEAR, seed)))
    peer_fit, our_fit = ([job.facts["fit_seconds"] for job in jobs] for jobs in (peers, engines))
    loop = ratio(peer_fit, our_fit)
    whole = ratio([job.seconds for job in peers], [job.seconds for job in stages])
    rows = [
        {
            "": name,
            "training (s)": spread(fit),
            "whole process (s)": spread([job.seconds for job in processes]),
            "test accuracy": mean_std([job.facts["test_accuracy"] for job in accuracies]),
            "training, times faster": fit_ratio,
            "process, times faster": process_ratio,
        }
        for name, fit, processes, accuracies, fit_ratio, process_ratio in (
            ("the guide's loop", peer_fit, peers, peers, None, None),
            ("ours", our_fit, stages, engines, loop, whole),
        )
    ]
    part = Part({"": rows})
    part.goal("(a) the guide's loop, its training against ours: times faster", loop["median"], at_least=10)
    part.notes = [
        "Same model, optimiser, batch, epochs and number of examples. Ours measures its curves after each epoch as "
        "well, and sees pixels of mean 0 and standard deviation 1 where ToTensor gives 0 to 1: same work.",
        "Ours runs with `shards: 1`, on one core: a step this small is not worth sharing. Its process is the `train` "
        "stage as DVC runs it.",
    ]
    return part
