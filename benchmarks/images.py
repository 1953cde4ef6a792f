"""The comparisons on other images than MNIST's: emoji against plain PyTorch, how good on clothes, how large."""

import csv
import json
import resource
import statistics
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, Job, Params, Part, mean_std, metric, ratio, spread
from stages.core.scores.comparison import mcnemar


def emoji(bench: Bench) -> Part:
    """The category of an emoji: our preset against ResNet-18 in plain PyTorch, on the same parts in the same time."""
    rows, jobs, peers, p_values = [], [], [], []
    for seed in bench.rounds(3):
        folder = bench.builtin("emoji", seed)
        bench.stage("prepare", folder)
        job = bench.stage("train", folder)
        bench.stage("evaluate", folder)
        files = as_folders(folder)
        peer = bench.peer("resnet18", "--seconds", f"{job.seconds:.1f}", seed=seed, module="peer_folder", data=files)
        right = {name: name.partition("/")[0] == said for name, said in peer.facts["predicted"].items()}
        ours = predicted(folder)
        both = [(own == name.partition("/")[0], right[name]) for name, own in ours.items()]
        only_ours, only_peer = both.count((True, False)), both.count((False, True))
        p = mcnemar(only_ours, only_peer)
        accuracies = [sum(side) / len(both) for side in zip(*both, strict=True)]
        rows.append([str(seed), *(round(each, 5) for each in accuracies), only_ours, only_peer, f"{p:.2g}"])
        jobs.append(job)
        peers.append(peer)
        p_values.append(p if only_ours > only_peer else 1.0)
    part = Part(
        [
            "Both have the seconds that our `train` takes as a process, its start included; the peer's are those of "
            "its training alone. It has an ImageFolder of the same files in the same parts, a DataLoader with two "
            "processes, shifts and mirror images, and SGD with the rate on a half cosine over that time.",
            "p is that of McNemar's exact test on the same test images; one seed a row, for split, weights and order.",
        ]
    )
    sides = [mean_std([row[place] for row in rows]) for place in (1, 2)]
    part.table(
        ["", "test accuracy", "training (s)", "peak memory (MiB)"],
        [
            ["our preset", sides[0], *cost(jobs)],
            ["ResNet-18 in plain PyTorch", sides[1], *cost(peers)],
        ],
    )
    columns = ["seed", "ours", "the peer's", "right by ours alone", "right by the peer alone", "p"]
    part.table(columns, rows, "Seed by seed")
    part.goal("emoji: largest p of McNemar's test, ours being better", max(p_values), at_most=0.01)
    return part


def fashion(bench: Bench) -> Part:
    """Fashion-MNIST by our preset: how good with how few weights."""
    rows, accuracies = [], []
    for seed in bench.rounds(3):
        folder = bench.builtin("fashion", seed)
        bench.stage("prepare", folder)
        job = bench.stage("train", folder)
        bench.stage("evaluate", folder)
        weights = trainable(folder / "models/model.safetensors")
        accuracies.append(metric(folder, "evaluate"))
        rows.append([str(seed), accuracies[-1], f"{weights:,}", round(job.cpu_seconds)])
    part = Part(["One seed a row, for weights, order and validation slice; the test part is the published one."])
    part.table(["seed", "test accuracy", "weights", "`train`, of all cores together (s)"], rows)
    part.table(["", "test accuracy"], [["our preset", mean_std(accuracies)]])
    part.goal("Fashion-MNIST: mean test accuracy", statistics.fmean(accuracies), at_least=0.935)
    part.goal("Fashion-MNIST: weights", weights, at_most=120_000)
    return part


def scale(bench: Bench) -> Part:
    """Pictures that are far more than the memory: what the stages hold of eight GiB of pixels."""
    side, batch = 256, 256
    count = 400 if bench.quick else 2**33 // (3 * side**2)
    source = bench.builtin("emoji", 0)
    data = {"dataset": "images", "path": "repeated", "size": [side, side]}
    changes: Params = {"data": data, "model": {"name": "linear"}, "train": {"epochs": 1, "batch_size": batch}}
    folder = bench.project(changes, link_data=False)
    bench.repeated(source / "data/raw", folder / "repeated", count)
    most = (1536 << 20) + batch * 3 * side**2
    # Arrow's own allocator reserves a GiB, which counts although it is not used.
    limited: Any = {"limits": {resource.RLIMIT_DATA: most}, "ARROW_DEFAULT_MEMORY_POOL": "system"}
    jobs = {name: bench.stage(name, folder, **limited) for name in ("prepare", "train", "evaluate")}
    prepared = sum(path.stat().st_size for path in (folder / "data/prepared").glob("*.safetensors"))
    part = Part(
        [
            f"The emoji again and again, each time shifted: {count:,} files, {prepared / 2**30:.1f} GiB once prepared "
            f"as {side} x {side} pixels in colour; a linear layer, one epoch.",
            f"No process can have more than {most >> 20} MiB of its own (`ulimit -d`): 1.5 GiB and a batch of {batch}. "
            "Arrow has the system's allocator, since its own reserves a GiB that it does not use. The peak is of the "
            "memory that the largest process of the stage held, with what of files lay in it.",
        ]
    )
    table = [[name, round(job.seconds, 1), round(job.peak_mib)] for name, job in jobs.items()]
    part.table(["", "time (s)", "peak memory (MiB)"], table)
    peak = max(job.peak_mib for job in jobs.values())
    part.goal("8 GiB of pixels: peak memory (MiB)", peak, at_most=most >> 20)
    return part


def decode(bench: Bench) -> Part:
    """Pictures decoded and resized by all cores: as `prepare` does it, against bare Pillow."""
    source = bench.builtin("emoji", 0)
    part = Part(
        [
            "The emoji again and again, to 32 x 32 in colour, the start of the processes included.",
            "Ours puts them on a background where they are transparent, takes the SHA-256 of each file, and writes "
            "the pixels with a digest by which a killed run goes on; bare Pillow drops the transparency, and what it "
            "has decoded.",
        ]
    )
    rows, faster = [], {}
    for what, (count, side) in {"icons": (20_000, 0), "photographs": (8_000, 512)}.items():
        count = 400 if bench.quick else count
        bench.repeated(source / "data/raw", files := bench.folder / what, count, side)
        who = ("ours", "pillow")
        jobs = [[bench.decoding(each, files).facts["decode_seconds"] for each in who] for _ in bench.rounds(5)]
        mine, bare = ([pair[place] for pair in jobs] for place in range(2))
        faster[what] = ratio(bare, mine)
        called = f"{count:,} {what}, {f'JPEG of {side} x {side}' if side else 'PNG of 64 x 64 with transparency'}"
        rows.append([called, spread(bare), spread(mine), faster[what]])
    part.table(["", "bare Pillow (s)", "ours (s)", "ours, times as fast"], rows)
    for what, found in faster.items():
        part.goal(f"decoding {what} against bare Pillow: times as fast", found["median"], at_least=0.9)
    return part


def cost(jobs: list[Job]) -> list[dict[str, float]]:
    return [spread([job.seconds for job in jobs], 1), spread([job.peak_mib for job in jobs], 0)]


def used(folder: Path, part: str) -> list[tuple[str, str]]:
    """Files and classes of a part, in its order."""
    with (folder / "data/prepared/files.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["part"], row["state"]) == (part, "used")]
    return [(row["file"], row["class"]) for row in rows]


def as_folders(folder: Path) -> Path:
    """Both parts as ImageFolder reads them: links to the raw files, in a folder per class."""
    for part in ("train", "test"):
        for name, label in used(folder, part):
            link = folder / "folders" / part / label / Path(name).name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((folder / "data/raw" / name).resolve())
    return folder / "folders"


def predicted(folder: Path) -> dict[str, str]:
    """What our model says of each test image, by class and name of its file."""
    from stages.core.scores.predictions import read_predictions

    found = read_predictions(folder / "models/predictions.safetensors")
    classes = json.loads((folder / "models/model.json").read_text(encoding="utf-8"))["classes"]
    said = found.probabilities.argmax(axis=1)  # type: ignore[union-attr]
    files = used(folder, "test")
    return {f"{label}/{Path(name).name}": classes[place] for (name, label), place in zip(files, said, strict=True)}


def trainable(weights: Path) -> int:
    """How many weights a file holds, running means and counts left out."""
    from stages.core.base.artifacts import read_arrays

    return sum(
        array.size for name, array in read_arrays(weights).items() if not name.endswith(("_mean", "_var", "_tracked"))
    )
