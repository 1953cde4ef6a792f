"""One process, measured from outside: wall time, processor time, peak memory, and what it says of itself."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# What a shell (or importing `stages`) may have set and what would make peers slower or ours different.
_FOREIGN = ("ATEN_", "DNNL_", "DVC_", "GOMP_", "KMP_", "MALLOC_", "MKL_", "NPY_", "OMP_", "ONEDNN_", "OPENBLAS_")


@dataclass(frozen=True)
class Job:
    """Seconds of the whole process, its start included, seconds of all cores together, and the largest memory held."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    facts: dict[str, Any] = field(default_factory=dict)  # the last line of stdout, where that is a JSON object


def run_job(command: list[str], folder: Path, **environment: str) -> Job:
    """Run `python *command` in `folder`, in an environment that pins no numerics. Fails with what it printed."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and name not in ("LD_PRELOAD", "PYTHONPATH", "WORKERS")
    }
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        arguments = [sys.executable, "-W", "ignore", *command]
        process = subprocess.Popen(arguments, cwd=folder, env=clean | environment, stdout=out, stderr=errors)
        # Not process.wait(), which keeps the usage to itself. Linux counts our own size as the child's least peak,
        # so this process stays small: no torch, no data.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (out, errors):
            stream.seek(0)
        lines = out.read().splitlines()
        if process.returncode:
            sys.exit(f"error: {' '.join(command)}: exit code {process.returncode}\n{errors.read()[-3000:]}")
    facts = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Job(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, facts)
