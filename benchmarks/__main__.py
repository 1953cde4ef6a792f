"""`python -m benchmarks [PART ...]`: run the comparisons named (all of a to g, if none is) and write the report.

results.json keeps what earlier runs found of the other parts; results.md and growth.png are drawn from it alone.
"""

import argparse
import importlib
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.bench import ROOT, Bench
from benchmarks.machine import describe

PARTS = {
    "a": "guide",
    "b": "example",
    "c": "one_cycle",
    "d": "classic",
    "e": "numerics",
    "f": "folds",
    "g": "growth",
    "full": "full",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run comparisons and write the report.")
    names = ", ".join(f"{part} ({name})" for part, name in PARTS.items())
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{names}; default: all but full")
    parser.add_argument("--quick", action="store_true", help="few examples, one round: does everything still run?")
    parser.add_argument("--out", type=Path, help="folder of the report; default: benchmarks, or a new one if --quick")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"unknown part {', '.join(sorted(unknown))}: must be one of {names}")
    out = options.out or (Path(tempfile.mkdtemp(prefix="bench-quick-")) if options.quick else ROOT / "benchmarks")

    start = time.monotonic()
    machine = describe()
    measured: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(Path(folder), options.quick)
        for name in options.parts or [part for part in PARTS if part != "full"]:
            module = importlib.import_module(f"benchmarks.{PARTS[name]}")
            heading = (module.__doc__ or "").strip().rstrip(".")
            print(f"\n{name}: {heading}")
            measured[name] = {
                "title": heading,
                "machine": machine,
                "quick": options.quick,
                **module.run(bench).as_json(),
            }
            write(out, measured)  # after each part, so that nothing is lost
    print(f"\n{out / 'results.md'}, {(time.monotonic() - start) / 60:.1f} minutes\n")
    print((out / "results.md").read_text(encoding="utf-8"))


def write(out: Path, measured: dict[str, Any]) -> None:
    """Merge `measured` into the results in `out`, and draw the report."""
    from benchmarks.report import growth, markdown
    from stages.core.base.artifacts import read_json, write_json, write_png, write_text
    from stages.core.pictures.style import house_style

    path = out / "results.json"
    before = read_json(path)["parts"] if path.exists() else {}
    merged = before | measured
    results = {"parts": {name: merged[name] for name in PARTS if name in merged}}
    write_json(path, results)
    write_text(out / "results.md", markdown(results))
    if "g" in merged:
        with house_style():
            write_png(out / "growth.png", growth(merged["g"]), dpi=100)


if __name__ == "__main__":
    main()
