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
    steps = {
        "prepare": bench.prepare.seconds,
        "cross_validate": statistics.median(stage),
        "train": train.seconds,
        "evaluate": train.facts["evaluate_seconds"],
    }
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    others = [name for name in stages if name not in ("check", "fetch", "plot", *steps)]
    steps |= {name: bench.stage(name, folder).seconds for name in [*others, "plot"]}  # plot draws what all others found
    part.tables["All stages after `fetch`, one after the other"] = [
        {"": name, "time (s)": round(seconds, 1)} for name, seconds in {**steps, "in all": sum(steps.values())}.items()
    ]
    part.goal("all stages after fetch, one after the other (s)", sum(steps.values()), at_most=150)
    part.notes = [
        "Our stage is the whole process, and is held against nothing but the trainings themselves: its start, its "
        "reading and scoring of the folds are all overhead.",
        "The peer trains the same network with the same optimiser, schedule, batch and epochs, one fold after the "
        "other, all cores and torch's fastest kernels, but without augmentation, which makes its accuracy another one.",
    ]
    return part
