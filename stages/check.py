"""check: all of params.yaml, before anything runs: a bad value or an unknown key stops the pipeline here.

The other stages check the sections they use, and no stage would run for a section that none uses.
"""

from pathlib import Path

from stages.core.base.artifacts import write_text
from stages.core.base.command import run
from stages.core.config.sections import AllParams as Params

INPUTS: dict[str, Path] = {}
OUTPUTS = {"checked": Path("data/checked")}


def main() -> None:
    Params.load().check_sizes()
    # Always the same text: `fetch` waits for it, and no change of params.yaml makes anything run because of it.
    write_text(OUTPUTS["checked"], "params.yaml is accepted\n")


if __name__ == "__main__":
    run(main)
