"""Kills at random moments, of all that a command of DVC started, as a power cut does; then the same command once more.

    python -m tests.faults.kills repro --seed 1 --count 20

A run is killed several times, each time after it went on from what the kill before had left. Undisturbed at last, it
must end with the bytes of a run that nobody killed.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests import verify
from tests.pipeline.project import IDENTITY, SMALL, Project

WAYS = {
    "repro": [["repro"]],
    "temp": [["exp", "run", "--temp"]],
    "queue": [["exp", "run", "--queue"], ["queue", "start"]],
}
KILLS_OF_A_RUN = 5
MARK = "TESTS_FAULTS_KILLS"  # in the environment of all that a run starts, daemons too


@dataclass
class Found:
    kills: Counter[str] = field(default_factory=Counter)  # by the stage that was running
    helped: list[str] = field(default_factory=list)  # where DVC refused, and what `stages.mend` said to it
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Victim:
    """One way to run the pipeline of `project`."""

    project: Project
    way: str

    def run_for(self, seconds: float) -> str | None:
        """Run it, kill it after so long, and say in which stage; None if it ended before."""
        end = time.monotonic() + seconds
        for command in WAYS[self.way]:
            with (self.project.folder / "said.txt").open("ab") as said:
                process = subprocess.Popen(
                    [sys.executable, "-m", "dvc", *command],
                    cwd=self.project.root,
                    env={**verify.environment(self.project.folder), **IDENTITY, MARK: str(self.project.folder)},
                    stdout=said,
                    stderr=said,
                )
            # `dvc queue start` ends at once, and what it started is at work.
            while process.poll() is None or (command == WAYS[self.way][-1] and next(self.processes(), None)):
                if time.monotonic() > end:
                    stage = self.kill()
                    process.wait()
                    return stage
                time.sleep(0.05)
        return None

    def processes(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == str(self.project.folder):
                    yield process
            except psutil.Error:  # gone, a zombie or another user's
                continue

    def kill(self) -> str:
        """Kill all of it, and say in which stage."""
        stages = set()
        while victims := list(self.processes()):
            for process in victims:
                try:
                    _, _, stage = " ".join(process.cmdline()).partition("-m stages.")
                    stages |= set(stage.split()[:1])
                    process.kill()
                except psutil.Error:
                    continue
            psutil.wait_procs(victims, timeout=10)
        return min(stages, default="none")

    def lock(self) -> str:
        """The dvc.lock that it ended with: in the workspace, or of the newest experiment."""
        if self.way == "repro":
            return (self.project.root / "dvc.lock").read_text()
        listing = ("git", "for-each-ref", "--sort=-creatordate", "--format=%(refname)", "refs/exps/[0-9a-f]*/**")
        names = [name for name in self.project.run(*listing).stdout.split() if name.count("/") == 4]
        return self.project.run("git", "show", f"{names[0]}:dvc.lock").stdout if names else ""


def kill_and_go_on(victim: Victim, moments: Iterator[float], expected: str, outputs: Mapping[str, str], found: Found):
    said = victim.project.folder / "said.txt"

    def go(seconds: float) -> str | None:
        said.write_text("")
        stage = victim.run_for(seconds)
        if stage is None and victim.lock() != expected:  # DVC refused, so do as `make repro` does
            mended = victim.project.run(sys.executable, "-m", "stages.mend", check=False).stderr
            found.helped.append(f"{said.read_text()[-300:]} -> {mended}")
        return stage

    for moment in moments:
        if stage := go(moment):
            found.kills[stage] += 1
    while go(600) is None and victim.lock() != expected and "removed" in found.helped[-1]:
        pass
    if victim.lock() != expected:
        found.faults.append(f"{victim.project.folder}: another dvc.lock, or none: {said.read_text()[-600:]}")
    elif victim.way == "repro" and victim.project.outputs() != outputs:
        found.faults.append(f"{victim.project.folder}: other outputs")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=20, help="kills (20)")
    parser.add_argument(
        "--latest", type=float, default=12, help="seconds after which a run is killed at the latest (12)"
    )
    given = parser.parse_args()
    draw = random.Random(given.seed)
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    os.environ["WORKERS"] = "1"
    untouched = Project.create(folder / "untouched")
    untouched.set(SMALL)
    untouched.commit("Small parameters")
    reference = untouched.copy(folder / "reference")
    reference.dvc("repro")
    expected, outputs = Victim(reference, "repro").lock(), reference.outputs()
    found = Found()
    run = 0
    while (left := given.count - found.kills.total()) > 0:
        run += 1
        victim = Victim(untouched.copy(folder / f"run-{run}"), given.way)
        moments = (draw.uniform(0, given.latest) for _ in range(min(left, KILLS_OF_A_RUN)))
        kill_and_go_on(victim, moments, expected, outputs, found)
        sys.stdout.write(f"after run {run}: {found}\n")
        sys.stdout.flush()
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
