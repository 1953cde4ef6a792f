"""compare: whether the model of one revision is better than another's, or the difference is noise. No stage of DVC.

A and B are Git revisions, names of experiments, or `workspace` for the files as they lie there.
"""

import argparse
import json
import sys
from pathlib import Path

from stages.core.artifacts import read_arrays
from stages.core.command import InputError, run
from stages.core.revisions import WORKSPACE, find
from stages.core.seeding import numpy_generator

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


def main() -> None:
    given = arguments()
    files = {revision: find(PREDICTIONS, revision) for revision in (given.a, given.b)}

    from stages.core import comparison, comparison_report

    found = {}
    for revision, file in files.items():
        try:
            found[revision] = comparison.predictions(read_arrays(file), str(file))
        except InputError as error:
            raise InputError(f"{revision}: {error}") from None
    a, b = found[given.a], found[given.b]
    comparison.check_comparable(a, b, given.a, given.b)
    result = comparison.compare(a, b, numpy_generator(given.seed, "compare"))
    if given.style == "json":
        data = comparison_report.as_data(result, given.a, given.b)
        sys.stdout.write(json.dumps(data, indent=2, allow_nan=False) + "\n")
    else:
        write = comparison_report.as_markdown if given.style == "markdown" else comparison_report.as_text
        sys.stdout.write(write(result, given.a, given.b))


if __name__ == "__main__":
    run(main)
