"""Each trained model against the next, the last against the first, as `python -m stages.compare` would judge them.

`python -m benchmarks.seeds FOLDER ...`, in each of which `train` and `evaluate` have run; a process of its own, since
it loads NumPy.
"""

import json
import sys
from pathlib import Path

from stages.compare import PREDICTIONS
from stages.core.base.artifacts import read_arrays
from stages.core.base.seeding import numpy_generator
from stages.core.scores.comparison import check_comparable, compare, predictions


def main() -> None:
    files = [Path(folder) / PREDICTIONS for folder in sys.argv[1:]]
    models = [predictions(read_arrays(file), str(file)) for file in files]
    pairs = []
    for index, model in enumerate(models):
        other = (index + 1) % len(models)
        check_comparable(model, models[other], str(files[index]), str(files[other]))
        found = compare(model, models[other], numpy_generator(0, "compare"))
        pairs.append(
            {"verdict": found.verdict, "p_value": found.p_value, "difference": found.differences[0].difference}
        )
    print(json.dumps({"pairs": pairs}))


if __name__ == "__main__":
    main()
