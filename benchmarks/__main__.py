"""`python -m benchmarks [COMPARISON ...]`: run the comparisons named (all, if none is) and write the report.

results.json keeps what earlier runs found of the others; results.md is written from it alone.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.bench import ROOT, Bench, machine
from benchmarks.comparisons import ALL
from benchmarks.report import markdown
from stages.core.base.process import unwinding


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run comparisons and write the report.")
    parser.add_argument("names", nargs="*", metavar="COMPARISON", help=f"{', '.join(ALL)}; default: all")
    parser.add_argument("--quick", action="store_true", help="few examples, one round: does everything still run?")
    parser.add_argument("--out", type=Path, help="folder of the report; default: benchmarks, or a new one if --quick")
    options = parser.parse_args()
    if unknown := set(options.names) - ALL.keys():
        parser.error(f"unknown comparison {', '.join(sorted(unknown))}: must be one of {', '.join(ALL)}")
    out = options.out or (Path(tempfile.mkdtemp(prefix="bench-quick-")) if options.quick else ROOT / "benchmarks")

    start = time.monotonic()
    common = {"machine": machine(), "quick": options.quick}
    measured: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(Path(folder), options.quick)
        for name in options.names or ALL:
            heading = (ALL[name].__doc__ or "").strip().rstrip(".")
            print(f"\n{name}: {heading}")
            measured[name] = {"title": heading, **common, **vars(ALL[name](bench))}
            write(out, measured)  # after each one, so that nothing is lost
    print(f"\n{out / 'results.md'}, {(time.monotonic() - start) / 60:.1f} minutes\n")
    print((out / "results.md").read_text(encoding="utf-8"))


def write(out: Path, measured: dict[str, Any]) -> None:
    """Merge `measured` into the results in `out`, and write the report."""
    from stages.core.base.artifacts import read_json, write_json, write_text

    path = out / "results.json"
    before = read_json(path)["parts"] if path.exists() else {}
    merged = before | measured
    results = {"parts": {name: merged[name] for name in ALL if name in merged}}
    write_json(path, results)
    write_text(out / "results.md", markdown(results["parts"]))


if __name__ == "__main__":
    with unwinding():
        main()
