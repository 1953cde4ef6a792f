"""Where and with what the numbers were taken."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.bench import ROOT


def describe() -> dict[str, Any]:
    """Processor, cores, memory, versions, the commit, and how busy the machine was just before."""
    status = git("status", "--porcelain", "--", "stages", "params.yaml", "benchmarks/fast.yaml")
    packages = {name: version(name) for name in ("torch", "torchvision", "numpy", "scikit-learn")}
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {number}" for name, number in packages.items()),
        "commit": git("rev-parse", "--short", "HEAD") + (" with changes" if status else ""),
        "load_before": round(os.getloadavg()[0], 1),
    }


def processor() -> str:
    """Its name, and the widest vectors it knows, which decide what the fastest numerics are."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = fields.get("model name", platform.processor() or "unknown")
    vectors = "AVX-512" if "avx512f" in fields.get("flags", "").split() else "AVX2"
    return f"{name} ({vectors})"


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()
