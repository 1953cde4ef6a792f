"""The comparisons on tables: how good on diamonds, how fast an epoch, what millions of rows take in time and memory."""

import csv
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, Job, Part, mean_error, ratio, spread

SEEDS = range(10, 15)  # on none of which a network or a preset was chosen
EPOCHS = 3
FLIGHTS, FLIGHTS_FILE = "vega-datasets@3.2.1", "flights-3m.parquet"
FLIGHTS_SHA256 = "dbeb920c90f59b6ccaff823dcc3d08f25a97fa1ce128d93f40be4e931f5900b0"
LIMIT_GIB = 6


def diamonds(bench: Bench) -> Part:
    """The price of a diamond: our preset against scikit-learn's boosted trees, on five splits of 80 to 20."""
    trained, simple, found = [], [], []
    for seed in SEEDS[: len(bench.rounds(len(SEEDS)))]:
        folder = bench.builtin("diamonds", seed)
        bench.stage("prepare", folder)
        trained.append(bench.stage("train", folder))
        bench.stage("evaluate", folder)
        simple.append(bench.stage("baselines", folder))
        found.append({row["score"]: row for row in baselines(folder) if row["baseline"] == "boosted_trees"})
    part = Part(
        [
            "One seed a run, for its split, its weights and its order of examples. Neither the network nor the preset "
            "was chosen on these seeds.",
            "The trees are scikit-learn's HistGradientBoostingRegressor as it comes, told which columns are "
            "categories. They have the whole training part, of which the network leaves a 20th out to choose its "
            "epoch by.",
            "The differences are the network's less the trees' on the same test rows, with the paired bootstrap's 95% "
            "intervals and its verdict on the network, which takes 99%: what the stage `baselines` finds.",
        ]
    )
    times = [job.seconds for job in trained]
    memory = spread([job.peak_mib for job in trained], 0)
    errors = {
        name: {side: [float(run[name][side]) for run in found] for side in ("model", "value", "difference")}
        for name in ("rmse", "mae")
    }
    rows = []
    for side, what in (("model", "our preset"), ("value", "boosted trees"), ("difference", "difference")):
        cost = [spread(times, 1), memory] if side == "model" else [None, None]
        rows.append([what, *(mean_error(errors[name][side]) for name in ("rmse", "mae")), *cost])
    part.table(["", "RMSE ($)", "MAE ($)", "`train`, whole process (s)", "peak memory (MiB)"], rows)
    part.table(
        ["seed", "RMSE ($)", "trees' RMSE", "difference", "verdict", "MAE ($)", "trees' MAE", "difference", "verdict"],
        [[str(seed), *paired(run["rmse"]), *paired(run["mae"])] for seed, run in zip(SEEDS, found, strict=False)],
        "Seed by seed, with the intervals of the differences",
    )
    means = {name: statistics.fmean(errors[name]["model"]) for name in errors}
    part.goal("diamonds: mean RMSE ($)", means["rmse"], at_most=530)
    part.goal("diamonds: mean RMSE ($), to stretch for", means["rmse"], at_most=522)
    part.goal("diamonds: mean MAE ($)", means["mae"], at_most=280)
    better = sum(run["rmse"]["verdict"] == "better" for run in found)
    part.goal("diamonds: share of the seeds whose RMSE is better than the trees'", better / len(found), at_least=1)
    part.goal("diamonds: slowest `train` (s)", max(times), at_most=90)
    part.goal("diamonds: slowest `baselines` (s)", max(job.seconds for job in simple), at_most=20)
    return part


def rows(bench: Bench) -> Part:
    """An epoch on rows of a table: our engine against the same network in plain torch with a DataLoader."""
    ours: list[Job] = []
    peers: dict[tuple[str, str], list[Job]] = {(name, n): [] for name in ("encoded", "whole") for n in ("", "1")}
    for seed in bench.rounds(3):
        folder = bench.builtin("diamonds", seed)
        bench.stage("prepare", folder)
        ours.append(bench.engine(folder, "--epochs", EPOCHS))
        recipe = json.dumps({name: ours[-1].facts[name] for name in ("recipe", "learned")})
        for (name, threads), jobs in peers.items():
            options = ("--recipe", recipe, "--threads", threads or "0")
            jobs.append(bench.peer(name, *options, seed=seed, module="peer_rows", data=folder))
    encoding = statistics.median(job.facts["encoding_seconds"] for job in ours)
    part = Part(
        [
            f"The preset `diamonds`, but for {EPOCHS} epochs, on its whole training part. An epoch is the median of "
            "them: what is loaded or compiled in the first does not count.",
            "The peer has the same front end, layers, members, optimiser, schedule and loss, a DataLoader of a "
            "TensorDataset with batches of 256, shuffled, and torch's fastest kernels; once with torch's own threads, "
            "which on a busy machine wait for each other, and once with one. The goal is that against the faster. Its "
            "rows are "
            "encoded once, before the training, as ours are; or in each batch, as a network does that holds its front "
            f"end. Ours takes {encoding:.2g} s to encode all rows.",
        ]
    )
    mine = epochs(ours)
    table: list[list[Any]] = [["our engine", spread(mine, 3), *trained(ours), None]]
    names = {"encoded": "plain torch, rows encoded before", "whole": "plain torch, front end in the network"}
    for (name, threads), jobs in peers.items():
        what = f"{names[name]}, {'one thread' if threads else 'its own threads'}"
        table.append([what, spread(epochs(jobs), 3), *trained(jobs), ratio(epochs(jobs), mine, 1)])
    for name, what in names.items():
        fastest = [min(pair) for pair in zip(*(epochs(peers[name, n]) for n in ("", "1")), strict=True)]
        faster = ratio(fastest, mine, 1)["median"]
        part.goal(f"an epoch of diamonds against {what}: times faster", faster, at_least=8)
    part.table(["", "an epoch (s)", "test RMSE ($)", "weights", "ours, times faster"], table)
    return part


def flights(bench: Bench) -> Part:
    """Three million flights: how late each is, learned within 6 GiB."""
    data = {"dataset": "table", "path": FLIGHTS_FILE, "task": "regression", "target": "delay"}
    folder = bench.project({"data": data}, link_data=False)
    bring_flights(folder)
    names = ("prepare", "audit", "lr_range", "train", "evaluate", "stress", "baselines")
    jobs = {name: bench.stage(name, folder, {resource.RLIMIT_AS: LIMIT_GIB << 30}) for name in names}
    scores = {row["score"]: float(row["value"]) for row in read_csv(folder / "plots/scores.csv")}
    counts = json.loads((folder / "metrics/prepare.json").read_text(encoding="utf-8"))
    trees = next(row for row in baselines(folder) if (row["baseline"], row["score"]) == ("boosted_trees", "rmse"))
    part = Part(
        [
            f"{FLIGHTS_FILE} of the npm package {FLIGHTS}: by how many minutes {counts['rows']['in_file']:,} flights "
            "within the USA were late in 2001, by date, distance, origin and destination, "
            f"{counts['train']['examples']:,} of them to learn from; all else is as in params.yaml.",
            f"Each process has {LIMIT_GIB} GiB of address space and no more (`ulimit -v`), for which all that it maps "
            "counts, libraries and stacks, too. The peak is of the memory that it held.",
            f"RMSE {scores['rmse']:.2f} minutes, R2 {scores['r2']:.3f}; boosted trees {float(trees['value']):.2f}: "
            f"the network is {trees['verdict']}.",
        ]
    )
    table = [
        [name, round(job.seconds, 1), round(job.cpu_seconds, 1), round(job.peak_mib)] for name, job in jobs.items()
    ]
    part.table(["", "time (s)", "CPU time (s)", "peak memory (MiB)"], table)
    peak = max(job.peak_mib for job in jobs.values())
    part.goal("3 million flights: peak memory of all stages (MiB)", peak, at_most=1024 * LIMIT_GIB)
    return part


def predict(bench: Bench) -> Part:
    """New rows of diamonds: `python -m stages.predict` against a vectorised loop of pandas and torch."""
    folder = bench.builtin("diamonds", 0)
    for stage in ("prepare", "train"):
        bench.stage(stage, folder)
    lines = next((folder / "data/raw").glob("*.csv")).read_text(encoding="utf-8").splitlines(keepends=True)
    times = 1 if bench.quick else 20
    file = folder / "new.csv"
    file.write_text(lines[0] + "".join(lines[1:]) * times, encoding="utf-8")
    who = ("ours", "loop")
    jobs = [[bench.predicting(each, folder, file) for each in who] for _ in bench.rounds(5)]
    found = [read_csv(folder / f"{each}.csv") for each in who]
    part = Part(
        [
            f"{len(found[0]):,} rows of CSV, whole processes; the network is that of the preset.",
            "The loop reads with pandas, encodes with the network's own first layer, and computes in batches of 1,000 "
            "by as many threads as there are cores; it checks no cell, and writes predictions alone.",
        ]
    )
    mine, loop = ([pair[place] for pair in jobs] for place in range(2))
    faster = ratio([job.seconds for job in loop], [job.seconds for job in mine])
    apart = max(abs(float(a["prediction"]) / float(b["prediction"]) - 1) for a, b in zip(*found, strict=True))
    assert apart < 1e-5, apart  # the same answers
    table = [
        [each, spread([job.seconds for job in runs], 1), round(max(job.peak_mib for job in runs))]
        for each, runs in zip(("stages.predict", "the loop"), (mine, loop), strict=True)
    ]
    part.table(["", "time (s)", "peak memory (MiB)"], table)
    part.goal("predictions of a table against a torch loop: times as fast", faster["median"], at_least=1.0)
    return part


def baselines(folder: Path) -> list[dict[str, str]]:
    return read_csv(folder / "plots/baselines.csv")


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def paired(row: dict[str, str]) -> list[str | float]:
    """The network's error, the trees', the difference with its interval, and the verdict."""
    difference, low, high = (f"{float(row[name]):.1f}" for name in ("difference", "low", "high"))
    return [float(row["model"]), float(row["value"]), f"{difference} ({low} to {high})", row["verdict"]]


def epochs(jobs: list[Job]) -> list[float]:
    """The seconds of an epoch, of each process."""
    return [statistics.median(job.facts["epoch_seconds"]) for job in jobs]


def trained(jobs: list[Job]) -> list[Any]:
    """What shows that they train the same network: error and number of weights."""
    return [mean_error([job.facts["test_rmse"] for job in jobs]), jobs[0].facts["weights"]]


def bring_flights(folder: Path) -> None:
    """Put the file into `folder`, from its package."""
    subprocess.run(["npm", "pack", FLIGHTS, "--ignore-scripts", "--loglevel=error"], cwd=folder, check=True)
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as package:
        content = package.extractfile(f"package/data/{FLIGHTS_FILE}")
        assert content is not None
        data = content.read()
    if hashlib.sha256(data).hexdigest() != FLIGHTS_SHA256:
        sys.exit(f"error: {FLIGHTS_FILE} of {FLIGHTS}: must have the SHA-256 {FLIGHTS_SHA256}")
    (folder / FLIGHTS_FILE).write_bytes(data)
