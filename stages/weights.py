"""weights: bring the weights that a network of torchvision starts from, each checked to fit it; or an empty file."""

from pathlib import Path

from stages.core.base import recorded
from stages.core.base.artifacts import write_arrays
from stages.core.base.command import run
from stages.core.config.params import StageParams
from stages.core.config.recipe import OWN_WEIGHTS, WeightsConfig

INPUTS = {"checked": Path("data/checked")}  # and model.weights_file
OUTPUTS = {"pretrained": Path("models/pretrained.safetensors")}


class Params(StageParams):
    model: WeightsConfig


def main() -> None:
    config = Params.load().model
    if config.weights == "none":
        write_arrays(OUTPUTS["pretrained"], {})
        return
    from stages.core.networks.pretrained import pretrained  # seconds of torch that most runs need not pay

    own = [Path(config.weights_file)] if config.weights_file != OWN_WEIGHTS else []
    recorded.note(recorded.digests(own), lambda: recorded.digests(own))
    write_arrays(OUTPUTS["pretrained"], pretrained(config))


if __name__ == "__main__":
    run(main)
