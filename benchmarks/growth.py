"""How cost grows: time and memory with the data, time with the workers."""

import statistics

from benchmarks.bench import Bench, Params, Part
from benchmarks.engine import CORES
from benchmarks.job import run_job
from benchmarks.statistics import ratio, spread

CHEAP: Params = {"model": {"channels": [8, 8], "hidden": []}, "train": {"epochs": 1}}
WORKERS_EXAMPLES = 15_000
DATA, WORKERS = "With the data", "With the workers"


def run(bench: Bench) -> Part:
    part = Part({DATA: with_data(bench), WORKERS: with_workers(bench)})
    part.notes = [
        "With the data: the `train` stage as a process, one epoch of a small network (two blocks of 8 filters), on the "
        "training part repeated with shifts. Growth is against the same row of 1 x.",
        f"With the workers: `fit` on {WORKERS_EXAMPLES} examples, one epoch, the default network, 8 shards; all runs "
        f"must end in the same weights. There are {bench.cores} cores, which more workers share: their wall "
        "time says nothing, their CPU time says what sharing out costs.",
        "The schedule bound is the time of one worker, with the measured time of each shard laid on so many cores as "
        "they get free: what the fixed order of work allows, if memory and the interpreter's lock cost nothing more.",
    ]
    return part


def with_data(bench: Bench) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    first: list[tuple[float, float]] = []
    for copies in (1, 4, 16):
        folder = bench.project(CHEAP, link_data=False)
        (folder / "data/prepared").mkdir(parents=True)
        run_job(["-m", "benchmarks.replicate", str(bench.base / "data/prepared"), "data/prepared", str(copies)], folder)
        jobs = [bench.stage("train", folder) for _ in bench.rounds(3 if copies == 1 else 2)]
        for file in (folder / "data/prepared").iterdir():
            file.unlink()  # 0.8 GB at 16 x
        first = first or [(statistics.median(j.seconds for j in jobs), statistics.median(j.peak_mib for j in jobs))]
        rows.append(
            {
                "": f"{copies} x",
                "time (s)": spread([job.seconds for job in jobs]),
                "growth of time": ratio([job.seconds for job in jobs], [first[0][0]] * len(jobs)),
                "peak memory (MiB)": spread([job.peak_mib for job in jobs], 0),
                "growth of memory": ratio([job.peak_mib for job in jobs], [first[0][1]] * len(jobs)),
            }
        )
    return rows


def with_workers(bench: Bench) -> list[dict[str, object]]:
    folder = bench.project({"train": {"shards": 8}})
    options = ("--epochs", 1, "--examples", WORKERS_EXAMPLES)
    runs = {count: [bench.engine(folder, *options, WORKERS=str(count)) for _ in bench.rounds(2)] for count in CORES}
    schedules = [bench.engine(folder, *options, "--schedule") for _ in bench.rounds(2)]
    hashes = {job.facts["sha256"] for jobs in [*runs.values(), schedules] for job in jobs}
    assert len(hashes) == 1, "the weights depend on the number of workers"
    rows: list[dict[str, object]] = []
    for count, jobs in runs.items():
        seconds = [job.facts["fit_seconds"] for job in jobs]
        bounds = [job.facts["schedule"][str(count)] for job in schedules]
        real = count <= bench.cores
        rows.append(
            {
                "": f"{count} worker{'s' * (count > 1)}{'' if real else ', sharing the cores'}",
                "time (s)": spread(seconds),
                "CPU time (s)": spread([job.facts["fit_cpu_seconds"] for job in jobs]),
                "times faster than 1": ratio([j.facts["fit_seconds"] for j in runs[1]], seconds) if real else None,
                "schedule bound (s)": spread(bounds),
                "bound, times faster than 1": ratio([job.facts["schedule"]["1"] for job in schedules], bounds),
            }
        )
    return rows
