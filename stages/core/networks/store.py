"""A model's way back from its files."""

from pathlib import Path

import numpy as np
from torch import nn

from stages.core.base.artifacts import read_arrays, sha256
from stages.core.base.command import InputError
from stages.core.base.schemas import ModelDescription
from stages.core.networks.model import load_model


def read_model(description: ModelDescription, description_file: Path, weights_file: Path) -> nn.Module:
    """The model of `description` with the weights of the file, in evaluation mode.

    Raises `InputError`, naming the files, unless they belong together and all weights are finite numbers.
    """
    if sha256(weights_file) != description.weights_sha256:
        raise InputError(f"{weights_file}: is not the file that {description_file} tells of; `dvc repro` makes both")
    weights = read_arrays(weights_file)
    try:
        model = load_model(description, weights)
    except InputError as error:
        raise InputError(f"{weights_file}, {description_file}: {' '.join(str(error).split())}") from None
    parameters = dict(model.named_parameters())  # of buffers, a mask may well hold infinities
    for name, tensor in model.state_dict().items():  # torch has cast each to what the network needs
        found, needed = weights[name].dtype, tensor.numpy().dtype
        if found != needed or (name in parameters and not np.isfinite(weights[name]).all()):
            raise InputError(f"{weights_file}: {name}: must be finite numbers of type {needed}, found {found}")
    return model
