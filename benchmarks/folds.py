"""5-fold cross-validation: our stage against the cost of its trainings, and against scikit-learn's `cross_validate`."""

import json
import statistics

import yaml

from benchmarks.bench import ROOT, Bench, Part
from benchmarks.statistics import ratio, spread


def run(bench: Bench) -> Part:
    folder, train, _ = bench.trained("default", 0)
    settings = bench.default["cross_validate"]
    folds, epochs = settings["folds"], settings["epochs"] or bench.default["train"]["epochs"]
    examples = yaml.safe_load((bench.base / "metrics/prepare.json").read_text(encoding="utf-8"))["train"]["examples"]
    one = ("--epochs", epochs, "--examples", examples - examples // folds)
    recipe = json.dumps({name: bench.default[name] for name in ("model", "train")})

    single = [bench.engine(folder, *one)]
    ours = []
    for _ in bench.rounds(2):
        ours.append(bench.stage("cross_validate", folder))
        single.append(bench.engine(folder, *one))
        single.append(bench.engine(folder, *one))
    peers = [bench.peer("folds", "--recipe", recipe, "--folds", folds, "--epochs", epochs)]  # once: minutes are scarce
    accuracy = json.loads((folder / "metrics/cross_validate.json").read_text(encoding="utf-8"))["accuracy"]
    stage = [job.seconds for job in ours]
    trainings = folds * statistics.median(job.facts["fit_seconds"] for job in single)
    processes = folds * statistics.median(job.seconds for job in single)
    rows = [
        {
            "": f"our stage, {folds} folds of {epochs} epochs",
            "time (s)": spread(stage, 1),
            "accuracy over the folds": round(accuracy, 5),
            "weights": single[0].facts["weights"],
            "its time / our stage's": None,
        },
        {
            "": f"{folds} x one such training, `fit` alone",
            "time (s)": round(trainings, 1),
            "accuracy over the folds": None,
            "weights": single[0].facts["weights"],
            "its time / our stage's": ratio([trainings] * len(stage), stage),
        },
        {
            "": f"{folds} x one such training, as processes",
            "time (s)": round(processes, 1),
            "accuracy over the folds": None,
            "weights": single[0].facts["weights"],
            "its time / our stage's": ratio([processes] * len(stage), stage),
        },
        {
            "": "scikit-learn's `cross_validate`, plain torch",
            "time (s)": spread([job.seconds for job in peers], 1),
            "accuracy over the folds": round(statistics.fmean(job.facts["accuracy"] for job in peers), 5),
            "weights": peers[0].facts["weights"],
            "its time / our stage's": ratio([job.seconds for job in peers], stage[-1:]),
        },
    ]
    part = Part({"": rows})
    overhead = statistics.median(stage) / trainings
    part.goal(f"(f) {folds}-fold cross-validation against {folds} trainings: times the cost", overhead, at_most=1.1)
    evaluate = train.facts["evaluate"]
    before = {"prepare": [bench.prepare], "cross_validate": ours, "train": [train], "evaluate": [evaluate]}
    stages = list(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])  # in the order they run
    jobs = {name: before.get(name) or [bench.stage(name, folder)] for name in stages[stages.index("prepare") :]}
    times = {name: statistics.median(job.seconds for job in runs) for name, runs in jobs.items()}
    peaks = {name: max(job.peak_mib for job in runs) for name, runs in jobs.items()}
    times["in all"], peaks["in all"] = sum(times.values()), max(peaks.values())
    part.tables["All stages after `fetch`, one after the other"] = [
        {"": name, "time (s)": round(times[name], 1), "peak memory (MiB)": round(peaks[name])} for name in times
    ]
    part.goal("all stages after fetch, one after the other (s)", times["in all"], at_most=150)
    part.goal("all stages after fetch: peak memory (MiB)", peaks["in all"], at_most=1536)
    part.notes = [
        "Our stage is the whole process, and is held against nothing but the trainings themselves: its start, its "
        "reading and scoring of the folds are all overhead.",
        "The peer trains the same network with the same optimiser, schedule, batch and epochs, one fold after the "
        "other, all cores and torch's fastest kernels, but without augmentation, which makes its accuracy another one.",
        "The peak memory of a stage is the largest of its runs, and that in all the largest of the stages.",
    ]
    return part
