"""make test-cpus: does the pipeline compute the same bits on other makes of processor?

Runs digest.py on this processor and, under qemu-user, on emulated ones of Intel and AMD, and prints a table: is each
part identical? The exit code is 0 only if all are, or if there is nothing to emulate with, which is then said.
"""

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DIGEST = (sys.executable, str(Path(__file__).with_name("digest.py")))
NATIVE = "this one"
# Of QEMU 7.2 and newer. All have AVX2; caches and instructions that libraries choose by differ.
PROCESSORS = {"Haswell-v4": "Intel", "Skylake-Client-v4": "Intel", "EPYC-Rome-v1": "AMD", "EPYC-Milan-v1": "AMD"}
WHOLE = 10  # the QEMU from which on all stages are known to run; see digest.py for what 7.2 cannot
TIMEOUT = 2000  # seconds a processor
RUNNING: list[subprocess.Popen[str]] = []  # and those that have ended, to which a signal does nothing


@dataclass(frozen=True)
class Run:
    """What a processor made: a digest for each part, and in a line why there may be fewer than there should."""

    processor: str
    digests: Mapping[str, str]
    failure: str = ""


def main() -> int:
    if missing := reason_to_skip(platform.machine(), shutil.which):
        print(f"skipped, other processors were not compared: {missing}")
        return 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as it is under nohup
            signal.signal(number, stop)
    emulator = shutil.which("qemu-x86_64") or "qemu-x86_64-static"
    version = major_version(subprocess.run([emulator, "--version"], capture_output=True, text=True).stdout)
    digest = DIGEST if version >= WHOLE else (*DIGEST, "--training")
    runs = [digests(NATIVE, digest)]
    if not runs[0].failure:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            runs += pool.map(lambda cpu: digests(cpu, (emulator, "-cpu", cpu, *digest)), PROCESSORS)
    print(f"\n{table(runs)}\n")
    if version < WHOLE:
        print(
            f"Left out: all after the training, rotation and scale. QEMU {version} may not run them, {WHOLE} does: "
            "on Debian 12, apt install -t bookworm-backports qemu-user\n"
        )
    if wrong := complaints(runs):
        print("\n".join(f"error: {line}" for line in wrong))
        return 1
    print("Every part that was compared is identical on every processor.")
    return 0


def reason_to_skip(machine: str, which: Callable[[str], str | None]) -> str:
    """Why nothing can be compared here; empty if it can."""
    if machine.lower() not in {"x86_64", "amd64"}:
        return f"this is a {machine} machine, and the promise is about x86-64"
    if not (which("qemu-x86_64") or which("qemu-x86_64-static")):
        return "no qemu-x86_64 here; on Debian and Ubuntu: apt install qemu-user"
    return ""


def major_version(text: str) -> int:
    """10 of "qemu-x86_64 version 10.0.2 (Debian ...)"; 0 where there is none."""
    found = re.search(r"version (\d+)", text)
    return int(found.group(1)) if found else 0


def digests(processor: str, command: Sequence[str], timeout: float = TIMEOUT) -> Run:
    """Run `command`, which prints a digest and a part's name a line, and say how long it took."""
    # Two workers, and the stages of this repository; without DVC_ROOT no run finds what another one left.
    env = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    start = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="cpus-") as scratch,  # here, as a killed process tidies nothing away
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=env | {"PYTHONPATH": str(ROOT), "WORKERS": "2", "TMPDIR": scratch},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        RUNNING.append(process)
        try:
            output, errors = process.communicate(timeout=timeout)
            last = (errors.strip() or "no message").splitlines()[-1]
            failure = f"ended with exit code {process.returncode}: {last}" if process.returncode else ""
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            failure = f"did not end within {timeout:g} s"
    print(f"{processor}: {time.monotonic() - start:.0f} s", flush=True)
    found = (line.split(maxsplit=1) for line in output.splitlines(keepends=True) if line.endswith("\n"))
    return Run(processor, {part.strip(): digest for digest, part in found}, failure)


def stop(number: int, _: object) -> None:
    """At a signal: nothing that we have started runs on."""
    for process in RUNNING:
        process.kill()
    sys.exit(128 + number)


def table(runs: Sequence[Run]) -> str:
    """A row a part: the beginning of the first run's digest, and whether the other runs' are identical."""
    first, *others = runs
    names = [f"{run.processor} ({PROCESSORS.get(run.processor, '?')})" for run in others]
    width = max(map(len, ["part", *first.digests]))
    lines = ["  ".join([f"{'part':{width}}", f"{first.processor:12}", *names])]
    for part, digest in first.digests.items():
        verdicts = [{digest: "yes", None: "missing"}.get(run.digests.get(part), "NO") for run in others]
        cells = [f"{verdict:{len(name)}}" for verdict, name in zip(verdicts, names, strict=True)]
        lines.append("  ".join([f"{part:{width}}", digest[:12], *cells]).rstrip())
    return "\n".join(lines)


def complaints(runs: Sequence[Run]) -> list[str]:
    """A line for every run that failed, or whose parts are not those of the first run; empty if all are alike."""
    promised = runs[0].digests
    lines = [] if promised or runs[0].failure else [f"{runs[0].processor}: made nothing"]
    for run in runs:
        wrong = [part for part in {**promised, **run.digests} if promised.get(part) != run.digests.get(part)]
        if problem := run.failure or (wrong and f"not identical: {', '.join(wrong)}"):
            lines.append(f"{run.processor}: {problem}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
