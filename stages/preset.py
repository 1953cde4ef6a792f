"""preset: named sets of parameters, as words for `dvc exp run`. No stage of DVC.

`dvc exp run $(python -m stages.preset fast) evaluate` runs with presets/fast.yaml; without a name it lists all.
"""

import argparse
import sys

from stages.core.base.command import run
from stages.core.config.presets import names, settings, summary


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.preset", description=__doc__)
    parser.add_argument("name", metavar="NAME", nargs="?", help="the preset whose settings to print")
    name = parser.parse_args().name
    if name:
        sys.stdout.write(" ".join(settings(name)) + "\n")
        return
    width = max(map(len, names()), default=0)
    sys.stdout.write("".join(f"{one:{width}}  {summary(one)}\n" for one in names()))


if __name__ == "__main__":
    run(main)
