"""lr_range: the loss while the learning rate grows from far too low to far too high, and a rate that suggests.

It changes nothing by itself: `train.lr` is for you to set.
"""

from pathlib import Path

from stages.core.base.artifacts import read_arrays
from stages.core.base.command import run
from stages.core.base.schemas import LR_RANGE, LrRangeMetrics
from stages.core.config.automatic import settle_by_data
from stages.core.config.recipe import Recipe
from stages.core.config.sections import LrRangeConfig
from stages.core.data.examples import read_training
from stages.core.experiments.learning_rates import points_table, range_test, suggested_rate
from stages.core.training.objectives import objective_of
from stages.core.training.parallel import Workers

INPUTS = {
    "audited": Path("data/audited"),  # not read: nothing is trained before `audit` is passed
    "train": Path("data/prepared/train.safetensors"),
    "facts": Path("data/prepared/facts.json"),
    "pretrained": Path("models/pretrained.safetensors"),
}
OUTPUTS = {"metrics": Path("metrics/lr_range.json"), "curve": Path("plots/lr_range.csv")}


class Params(Recipe):
    lr_range: LrRangeConfig


def main() -> None:
    train, facts = read_training(INPUTS["train"], INPUTS["facts"])
    params = Params.load(settle=settle_by_data(facts.kind, facts.task, len(train), len(facts.classes or ())))
    objective = objective_of(params.train, facts.task)
    pretrained = read_arrays(INPUTS["pretrained"])
    with Workers.at_hand() as workers:
        points = range_test(params, params.lr_range, train, objective, facts.width, workers, facts.columns, pretrained)

    LR_RANGE.write(OUTPUTS["curve"], points_table(points))
    LrRangeMetrics(suggested_lr=suggested_rate(points)).write(OUTPUTS["metrics"])


if __name__ == "__main__":
    run(main)
