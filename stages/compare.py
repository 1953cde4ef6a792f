"""compare: whether the model of one revision is better than another's, or the difference is noise. No stage of DVC.

A and B are Git revisions, names of experiments, or `workspace` for the files as they lie there.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stages.core.base.command import InputError, run
from stages.core.base.seeding import numpy_generator
from stages.core.revisions.find import WORKSPACE, find

if TYPE_CHECKING:
    from stages.core.scores.comparison import Comparison

PREDICTIONS = Path("models/predictions.safetensors")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stages.compare", description=__doc__)
    parser.add_argument("a", metavar="A", nargs="?", default="HEAD", help="the revision to measure against (HEAD)")
    parser.add_argument("b", metavar="B", nargs="?", default=WORKSPACE, help=f"the revision in question ({WORKSPACE})")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap (0)")
    style = parser.add_mutually_exclusive_group()
    style.add_argument("--json", action="store_const", const="json", dest="style", help="print JSON")
    style.add_argument("--markdown", action="store_const", const="markdown", dest="style", help="print Markdown")
    return parser.parse_args()


def comparison_of(a: str, b: str, seed: int) -> "Comparison":
    """The comparison of two revisions. Raises `InputError` where their predictions are not here or do not fit."""
    files = {revision: find(PREDICTIONS, revision) for revision in (a, b)}

    from stages.core.scores import comparison
    from stages.core.scores.predictions import read_predictions

    found = {}
    for revision, file in files.items():
        try:
            found[revision] = read_predictions(file)
        except InputError as error:
            raise InputError(f"{revision}: {error}") from None
    comparison.check_comparable(found[a], found[b], a, b)
    return comparison.compare(found[a], found[b], numpy_generator(seed, "compare"))


def main() -> None:
    given = arguments()
    result = comparison_of(given.a, given.b, given.seed)

    from stages.core.revisions import verdict

    if given.style == "json":
        data = verdict.as_data(result, given.a, given.b)
        sys.stdout.write(json.dumps(data, indent=2, allow_nan=False) + "\n")
    else:
        write = verdict.as_markdown if given.style == "markdown" else verdict.as_text
        sys.stdout.write(write(result, given.a, given.b))


if __name__ == "__main__":
    run(main)
