"""What the comparisons share: the data, folders to run our stages in, and the recipes trained with several seeds."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks.job import Job, run_job

ROOT = Path(__file__).parents[1]
FAST = ROOT / "benchmarks/fast.yaml"
QUICK_EXAMPLES = 2000
Params = dict[str, dict[str, Any]]


@dataclass
class Part:
    """The outcome of one comparison: tables whose cells are text, numbers or spreads, and what a reader must know."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    goals: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Rows as lists under their columns: keys are sorted in our JSON files, but columns have an order."""
        tables = [
            {"caption": caption, "columns": list(rows[0]), "rows": [list(row.values()) for row in rows]}
            for caption, rows in self.tables.items()
        ]
        return {"tables": tables, "goals": self.goals, "notes": self.notes}

    def goal(self, what: str, measured: float, at_least: float | None = None, at_most: float | None = None) -> None:
        met = (at_least is None or measured >= at_least) and (at_most is None or measured <= at_most)
        wanted = f"at least {at_least:g}" if at_least is not None else f"at most {at_most:g}"
        self.goals.append({"goal": what, "wanted": wanted, "measured": round(measured, 5), "met": met})


class Bench:
    """A temporary folder with the data as our stages and as torchvision want it, and ways to run things on it."""

    def __init__(self, folder: Path, quick: bool) -> None:
        self.folder, self.quick = folder, quick
        self.cores = len(os.sched_getaffinity(0))
        self._trained: dict[tuple[str, int], tuple[Path, Job, float]] = {}
        self._count = 0

        self.default: Params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        self.default["data"]["dataset"] = "mnist"
        self.default["prepare"]["limit"] = QUICK_EXAMPLES if quick else 0
        self.fast: Params = yaml.safe_load(FAST.read_text(encoding="utf-8"))

        self.base = self.project({}, link_data=False)
        raw = ROOT / "data/raw"
        self.stage("fetch", self.base, **({"DATA_DIR": str(raw)} if raw.exists() else {}))
        self.prepare = self.stage("prepare", self.base)
        (folder / "torchvision/MNIST").mkdir(parents=True)
        (folder / "torchvision/MNIST/raw").symlink_to(self.base / "data/raw")

    def rounds(self, full: int) -> range:
        """How often to repeat something; each round has a seed of its own."""
        return range(1 if self.quick else full)

    def project(self, changes: Params, seed: int = 0, link_data: bool = True) -> Path:
        """A new folder to run our stages in, with params.yaml changed by `changes`. New, so that nothing is resumed."""
        self._count += 1
        folder = self.folder / f"project-{self._count}"
        folder.mkdir()
        for package in ("stages", "benchmarks"):
            (folder / package).symlink_to(ROOT / package)
        if link_data:
            (folder / "data").symlink_to(self.base / "data")
        params = {
            key: value | changes.get(key, {}) if isinstance(value, dict) else value
            for key, value in self.default.items()
        }
        text = yaml.safe_dump(params | {"seed": seed}, sort_keys=False)
        (folder / "params.yaml").write_text(text, encoding="utf-8")
        return folder

    def stage(self, name: str, folder: Path, **environment: str) -> Job:
        """One of our stages as DVC would run it, as a process."""
        return self._run(f"our stage {name}", ["-m", f"stages.{name}"], folder, **environment)

    def engine(self, folder: Path, *options: str | int, **environment: str) -> Job:
        """Our `fit` alone, timed from inside; see `benchmarks.engine`."""
        command = ["-m", "benchmarks.engine", *map(str, options)]
        return self._run(f"our engine {' '.join(command[2:])}", command, folder, **environment)

    def peer(self, name: str, *options: str | int, seed: int = 0) -> Job:
        """A script of `benchmarks.peers`, on the same examples as ours."""
        command = ["-m", f"benchmarks.peers.{name}", str(self.folder / "torchvision"), "--seed", str(seed)]
        examples = ["--examples", str(QUICK_EXAMPLES)] if self.quick and "--examples" not in options else []
        # A quick check may run on a busy machine, where threads that wait for each other take minutes.
        threads = {"OMP_NUM_THREADS": "1"} if self.quick else {}
        return self._run(f"peer {name}, seed {seed}", [*command, *examples, *map(str, options)], ROOT, **threads)

    def trained(self, recipe: str, seed: int) -> tuple[Path, Job, float]:
        """Our `default` or `fast` recipe with a seed, trained once: folder, `train` as a process, test accuracy."""
        if (recipe, seed) not in self._trained:
            folder = self.project(self.fast if recipe == "fast" else {}, seed)
            job = self.stage("train", folder)
            evaluation = self.stage("evaluate", folder)
            metrics = yaml.safe_load((folder / "metrics/evaluate.json").read_text(encoding="utf-8"))
            job.facts["evaluate"] = evaluation
            self._trained[recipe, seed] = folder, job, metrics["accuracy"]
        return self._trained[recipe, seed]

    def compared(self, folders: list[Path]) -> list[dict[str, Any]]:
        """How our `compare` judges the models trained in `folders`; see `benchmarks.seeds`."""
        command = ["-m", "benchmarks.seeds", *map(str, folders)]
        pairs: list[dict[str, Any]] = self._run(f"{len(folders)} pairs of seeds", command, ROOT).facts["pairs"]
        return pairs

    def _run(self, what: str, command: list[str], folder: Path, **environment: str) -> Job:
        print(f"{time.strftime('%H:%M:%S')}  {what} ...", end=" ", flush=True)
        job = run_job(command, folder, **environment)
        print(f"{job.seconds:.1f} s", flush=True)
        return job
