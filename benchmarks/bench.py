"""What the comparisons share: processes measured from outside, numbers with their spread, and folders to run in."""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
QUICK_EXAMPLES, EXAMPLES = 2000, 60_000
Params = dict[str, dict[str, Any]]
Limits = dict[int, int]  # by a constant of `resource`

# What a shell (or importing `stages`) may have set and what would make peers slower or ours different.
_FOREIGN = ("ATEN_", "DNNL_", "DVC_", "GOMP_", "KMP_", "MALLOC_", "MKL_", "NPY_", "OMP_", "ONEDNN_", "OPENBLAS_")


@dataclass(frozen=True)
class Job:
    """Seconds of the whole process, its start included, seconds of all cores together, and the largest memory held."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    facts: dict[str, Any] = field(default_factory=dict)  # the last line of stdout, where that is a JSON object


def run_job(command: list[str], folder: Path, limits: Limits | None = None, **environment: str) -> Job:
    """Run `python *command` in `folder`, in an environment that pins no numerics. Fails with what it printed.

    It cannot have more of a resource than `limits` say, in bytes.
    """
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and name not in ("LD_PRELOAD", "PYTHONPATH", "WORKERS")
    }

    def limit() -> None:
        for what, most in (limits or {}).items():
            resource.setrlimit(what, (most, most))

    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        arguments = [sys.executable, "-W", "ignore", *command]
        process = subprocess.Popen(
            arguments, cwd=folder, env=clean | environment, stdout=out, stderr=errors, preexec_fn=limit
        )
        # Not process.wait(), which keeps the usage to itself. Linux counts our own size as the child's least peak,
        # so this process stays small: no torch, no data.
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:  # a signal ends it with us
            process.kill()
            raise
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (out, errors):
            stream.seek(0)
        lines = out.read().splitlines()
        if process.returncode:
            sys.exit(f"error: {' '.join(command)}: exit code {process.returncode}\n{errors.read()[-3000:]}")
    facts = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Job(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, facts)


def spread(values: Sequence[float], digits: int = 2) -> dict[str, Any]:
    """The median, and the lowest and highest value: of times, memory and ratios."""
    low, median, high = (round(value, digits) for value in (min(values), statistics.median(values), max(values)))
    return {"median": median, "low": low, "high": high, "n": len(values)}


def mean_std(values: Sequence[float], digits: int = 5) -> dict[str, Any]:
    """The mean and the sample standard deviation: of accuracies over seeds."""
    deviation = round(statistics.stdev(values), digits) if len(values) > 1 else None
    return {"mean": round(statistics.fmean(values), digits), "std": deviation, "n": len(values)}


def mean_error(values: Sequence[float], digits: int = 1) -> dict[str, Any]:
    """The same of errors, which have a unit and are no shares."""
    return mean_std(values, digits) | {"digits": digits}


def ratio(above: Sequence[float], below: Sequence[float], digits: int = 2) -> dict[str, Any]:
    """The spread of above[i] / below[i]: pairs run one after the other, so that a slow minute hits both."""
    return spread([a / b for a, b in zip(above, below, strict=True)], digits)


@dataclass
class Part:
    """The outcome of one comparison: tables whose cells are text, numbers or spreads, and what a reader must know."""

    notes: list[str]
    tables: list[dict[str, Any]] = field(default_factory=list)
    goals: list[dict[str, Any]] = field(default_factory=list)

    def table(self, columns: list[str], rows: list[list[Any]], caption: str = "") -> None:
        self.tables.append({"caption": caption, "columns": columns, "rows": rows})

    def goal(self, what: str, measured: float, at_least: float | None = None, at_most: float | None = None) -> None:
        met = (at_least is None or measured >= at_least) and (at_most is None or measured <= at_most)
        wanted = f"at least {at_least:g}" if at_least is not None else f"at most {at_most:g}"
        self.goals.append({"goal": what, "wanted": wanted, "measured": round(measured, 5), "met": met})


def preset(name: str) -> Params:
    """What a preset changes in params.yaml."""
    changes: Params = yaml.safe_load((ROOT / f"presets/{name}.yaml").read_text(encoding="utf-8"))
    return changes


class Bench:
    """A temporary folder with the data as our stages and as torchvision want it, and ways to run things on it."""

    def __init__(self, folder: Path, quick: bool) -> None:
        self.folder, self.quick = folder, quick
        self.cores = len(os.sched_getaffinity(0))
        self._trained: dict[tuple[str, int], tuple[Path, Job, float]] = {}
        self._raw: dict[str, Path] = {}
        self._count = 0

        self.default: Params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        self.default["data"]["dataset"] = "mnist"
        self.default["prepare"]["limit"] = QUICK_EXAMPLES if quick else 0

        self.base = self.project({}, link_data=False)
        self.fetch(self.base)
        self.stage("weights", self.base)
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
            (folder / "metrics").mkdir()
            (folder / "metrics/prepare.json").symlink_to(self.base / "metrics/prepare.json")
        if self._count > 1:  # weights to start from: none
            (folder / "models").mkdir()
            (folder / "models/pretrained.safetensors").symlink_to(self.base / "models/pretrained.safetensors")
        sections = {name: self.default[name] | section for name, section in changes.items()}
        text = yaml.safe_dump(self.default | sections | {"seed": seed}, sort_keys=False)
        (folder / "params.yaml").write_text(text, encoding="utf-8")
        return folder

    def builtin(self, name: str, seed: int) -> Path:
        """A new folder with the preset `name` of a built-in set, its raw files and a seed for all, the split too."""
        few = {"prepare": {"limit": QUICK_EXAMPLES // 2}} if self.quick else {}  # emoji has 1,514
        folder = self.project(preset(name) | few, seed, link_data=False)
        if raw := self._raw.get(name):
            (folder / "data").mkdir()
            (folder / "data/raw").symlink_to(raw)
        else:
            self.fetch(folder)
            self._raw[name] = folder / "data/raw"
        return folder

    def fetch(self, folder: Path) -> Job:
        """The stage, which first looks for the files where the workspace may have them."""
        raw = ROOT / "data/raw"
        return self.stage("fetch", folder, None, **({"DATA_DIR": str(raw)} if raw.exists() else {}))

    def stage(self, name: str, folder: Path, limits: Limits | None = None, **environment: str) -> Job:
        """One of our stages as DVC would run it, as a process."""
        return self._run(f"our stage {name}", ["-m", f"stages.{name}"], folder, limits, **environment)

    def engine(self, folder: Path, *options: str | int, **environment: str) -> Job:
        """Our `fit` alone, timed from inside; see `benchmarks.engine`."""
        command = ["-m", "benchmarks.engine", *map(str, options)]
        return self._run(f"our engine {' '.join(command[2:])}", command, folder, None, **environment)

    def peer(
        self, name: str, *options: str | int, seed: int = 0, module: str = "peers", data: Path | None = None
    ) -> Job:
        """A recipe of `benchmarks.peers` or another module, on the same examples as ours: MNIST, or those in `data`."""
        folder = data or self.folder / "torchvision"
        command = ["-m", f"benchmarks.{module}", name, str(folder), "--seed", str(seed)]
        examples = ["--examples", str(QUICK_EXAMPLES)] if self.quick else []
        # A quick check may run on a busy machine, where threads that wait for each other take minutes.
        threads = {"OMP_NUM_THREADS": "1"} if self.quick else {}
        return self._run(f"peer {name}, seed {seed}", [*command, *examples, *map(str, options)], ROOT, None, **threads)

    def trained(self, recipe: str, seed: int) -> tuple[Path, Job, float]:
        """Our `default` or `fast` recipe with a seed, trained once: folder, `train` as a process, test accuracy."""
        if (recipe, seed) not in self._trained:
            folder = self.project({} if recipe == "default" else preset(recipe), seed)
            job = self.stage("train", folder)
            job.facts["evaluate"] = self.stage("evaluate", folder)
            self._trained[recipe, seed] = folder, job, metric(folder, "evaluate")
        return self._trained[recipe, seed]

    def decoding(self, who: str, files: Path) -> Job:
        """All pictures in a folder decoded by us or by bare Pillow; see `benchmarks.decoding`."""
        command = ["-m", "benchmarks.decoding", who, str(files)]
        return self._run(f"decoding, {who}", command, self.folder, None, PYTHONPATH=str(ROOT))

    def predicting(self, who: str, folder: Path, file: Path) -> Job:
        """The rows of a file through the model in `folder`, by `stages.predict` or `benchmarks.peer_predict`."""
        output = str(folder / f"{who}.csv")
        ours = ["-m", "stages.predict", str(file), "--output", output]
        command = ours if who == "ours" else ["-m", "benchmarks.peer_predict", str(folder), str(file), output]
        return self._run(f"predictions, {who}", command, folder, None, PYTHONPATH=str(ROOT))

    def repeated(self, source: Path, target: Path, count: int, photos: int = 0) -> Job:
        """So many images made of those in `source`; see `benchmarks.repeated`."""
        command = ["-m", "benchmarks.repeated", str(source), str(target), str(count), "--photos", str(photos)]
        return self._run(f"{count:,} images", command, ROOT)

    def _run(
        self, what: str, command: list[str], folder: Path, limits: Limits | None = None, **environment: str
    ) -> Job:
        print(f"{time.strftime('%H:%M:%S')}  {what} ...", end=" ", flush=True)
        job = run_job(command, folder, limits, **environment)
        print(f"{job.seconds:.1f} s", flush=True)
        return job


def metric(folder: Path, stage: str, name: str = "accuracy") -> float:
    return float(json.loads((folder / f"metrics/{stage}.json").read_text(encoding="utf-8"))[name])


def machine() -> dict[str, Any]:
    """Where and with what the numbers are taken: processor, cores, memory, versions, the commit, the load before."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    vectors = "AVX-512" if "avx512f" in fields.get("flags", "").split() else "AVX2"  # the widest it knows
    status = git("status", "--porcelain", "--", "stages", "params.yaml", "presets")
    packages = ("torch", "torchvision", "numpy", "scikit-learn")
    return {
        "processor": f"{fields.get('model name', platform.processor() or 'unknown')} ({vectors})",
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in packages),
        "commit": git("rev-parse", "--short", "HEAD") + (" with changes" if status else ""),
        "load_before": round(os.getloadavg()[0], 1),
    }


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()
