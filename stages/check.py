"""check: all of params.yaml, before anything runs: a bad value or an unknown key stops the pipeline here.

The other stages check the sections they use, and no stage would run for a section that none uses.
"""

from pathlib import Path

from stages.core.artifacts import write_text
from stages.core.command import run
from stages.core.cross_validation import CrossValidateConfig, check_training_sizes
from stages.core.dataset import PrepareConfig
from stages.core.figures import PlotConfig
from stages.core.lr_range import LrRangeConfig
from stages.core.recipe import Recipe, check_batches
from stages.core.scoring import EvaluateConfig
from stages.core.sources import DataConfig
from stages.core.splits import holdout_size
from stages.core.stress import StressConfig

INPUTS: dict[str, Path] = {}
OUTPUTS = {"checked": Path("data/checked")}


class Params(Recipe, extra="forbid"):
    """Every section, and no other."""

    data: DataConfig
    prepare: PrepareConfig
    cross_validate: CrossValidateConfig
    evaluate: EvaluateConfig
    stress: StressConfig
    lr_range: LrRangeConfig
    plot: PlotConfig


def main() -> None:
    params = Params.load()
    if examples := params.prepare.limit:  # without a limit, how many there are is for the data to say
        check_batches(params, examples - holdout_size(params.train.val_fraction, examples))
        check_training_sizes(params, params.cross_validate, examples)
    # Always the same text: `fetch` waits for it, and no change of params.yaml makes anything run because of it.
    write_text(OUTPUTS["checked"], "params.yaml is accepted\n")


if __name__ == "__main__":
    run(main)
