"""The weights that a network of torchvision starts from: torchvision's own, or those of a file; and the start itself.

The last layer is always new, so that theirs, which knows other classes, is left out.
"""

import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from stages.core.base.artifacts import read_arrays, sha256
from stages.core.base.command import InputError
from stages.core.config.recipe import ModelConfig, WeightsConfig

SILENCE_S = 30  # a server that says nothing for so long is given up
COUNTS = "num_batches_tracked"  # of batch norm, which older files lack, and nothing is computed from: they start anew


def start_from(model: nn.Sequential, config: ModelConfig, weights: Mapping[str, np.ndarray]) -> None:
    """Give the backbone of `model` the `weights` that `pretrained` gave, and freeze it where `config` has it so."""
    if config.weights == "none":
        return
    from stages.core.networks.bodies.backbone import Backbone  # torchvision, which other networks need not load

    backbone = model[1]
    assert isinstance(backbone, Backbone)
    try:
        backbone.network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    except RuntimeError:
        raise InputError(f"the weights to start from are not those of {config.name}; `dvc repro` makes them") from None
    if config.freeze == "backbone":
        backbone.freeze()


def pretrained(config: WeightsConfig) -> dict[str, np.ndarray]:
    """The weights and statistics of the network `config.name` by their names in torchvision, without its last layer.

    Raises `InputError` when they cannot be had, or do not fit.
    """
    if config.weights == "file":
        path = Path(config.weights_file)
        return _fitting(config.name, _read(path), str(path))
    with tempfile.TemporaryDirectory() as scratch:
        path = _torchvisions(config.name, Path(scratch))
        return _fitting(config.name, _read(path), path.name)


def _read(path: Path) -> dict[str, np.ndarray]:
    """Arrays by name, of safetensors, or of a file of torch's, from which nothing but tensors is taken."""
    if not path.is_file():
        raise InputError(f"params.yaml: model.weights_file = {str(path)!r}: there is no such file")
    if path.suffix == ".safetensors":
        return read_arrays(path)
    if path.suffix not in (".pth", ".pt"):
        raise InputError(f"{path}: weights must be in a file .safetensors, .pth or .pt")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds
        raise InputError(f"{path}: torch.load(weights_only=True) refuses it ({str(error).split(chr(10))[0]})") from None
    values: dict[str, Any] = found if isinstance(found, dict) else {type(found).__name__: None}
    odd = [key for key, value in values.items() if not isinstance(value, torch.Tensor)]
    if odd:
        raise InputError(f"{path}: must hold tensors by name, as a network's state_dict() does, found {odd[0]!r}")
    return {str(name): tensor.detach().numpy() for name, tensor in values.items()}


def _fitting(name: str, found: Mapping[str, np.ndarray], source: str) -> dict[str, np.ndarray]:
    """`found` less the last layer; raises `InputError`, which names `source` and a key, unless it fits the network."""
    from stages.core.networks.bodies.backbone import HEADS, Backbone

    needed = {key: tensor.numpy() for key, tensor in Backbone(name).network.state_dict().items()}
    found = {k: array for k, array in found.items() if not (k.startswith(f"{HEADS[name]}.") or k.endswith(COUNTS))}
    found |= {key: zero for key, zero in needed.items() if key.endswith(COUNTS)}
    for problem, keys in (("unknown", found.keys() - needed.keys()), ("missing", needed.keys() - found.keys())):
        if keys:
            first, more = min(keys), f", and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise InputError(f"{source}: does not fit model.name = {name!r}: {problem} {first}{more}")
    for key, array in found.items():
        want = needed[key]
        if (array.dtype, array.shape) != (want.dtype, want.shape):
            raise InputError(
                f"{source}: {key}: must be {want.dtype} {want.shape} for model.name = {name!r}, "
                f"found {array.dtype} {array.shape}"
            )
        if not np.isfinite(array).all():
            raise InputError(f"{source}: {key}: must be finite numbers")
    return dict(found)


def _torchvisions(name: str, scratch: Path) -> Path:
    """A file of torchvision's own weights, with the SHA-256 whose beginning its name carries.

    It is looked for in the folder DATA_DIR, in torch's cache and at its home. Raises `InputError` with all of that.
    """
    from torchvision.models import get_model_weights

    url: str = get_model_weights(name)["DEFAULT"].url
    file = url.rpartition("/")[2]
    digest = Path(file).stem.rpartition("-")[2]
    failures = []
    for path in _places(file):
        if not path.is_file():
            failures.append(f"{path}: not there")
        elif sha256(path).startswith(digest):
            return path
        else:
            failures.append(f"{path}: its SHA-256 must begin with {digest}")
    silence = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE_S)
    try:
        torch.hub.download_url_to_file(url, str(scratch / file), hash_prefix=digest)
        return scratch / file
    except (OSError, RuntimeError) as error:  # no network, or another file
        failures.append(f"{url}: {' '.join(str(error).split()) or repr(error)}")
    finally:
        socket.setdefaulttimeout(silence)
    raise InputError(
        f"params.yaml: model.weights = 'default': {file} is not to be had ({'; '.join(failures)}): connect to the "
        "internet, set the environment variable DATA_DIR to a folder that holds it, or name another file by "
        "model.weights = file and model.weights_file"
    )


def _places(file: str) -> Iterator[Path]:
    if folder := os.environ.get("DATA_DIR"):
        yield Path(os.environ.get("DVC_ROOT", "."), Path(folder).expanduser(), file)
    yield Path(torch.hub.get_dir()) / "checkpoints" / file
