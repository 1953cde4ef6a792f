"""data/prepared as `bench` made it, its training part repeated COPIES times, each copy shifted by other pixels.

`python -m benchmarks.replicate FROM TO COPIES`; a process of its own, since it holds all of it at once.
"""

import sys
from pathlib import Path

from stages.core.base.artifacts import read_arrays, write_arrays


def main() -> None:
    import numpy as np  # after `stages`, which asks for that

    source, target, copies = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    train = read_arrays(source / "train.safetensors")
    shifts = [divmod(copy, 4) for copy in range(copies)]  # (0, 0) first: one copy is the data as it is
    inputs = np.concatenate([np.roll(train["inputs"], shift, axis=(2, 3)) for shift in shifts])
    write_arrays(target / "train.safetensors", {"inputs": inputs, "targets": np.tile(train["targets"], copies)})
    (target / "facts.json").write_bytes((source / "facts.json").read_bytes())


if __name__ == "__main__":
    main()
