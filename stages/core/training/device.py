"""Where training computes: the CPU, whose numerics `stages` pins, or one GPU made to repeat itself."""

from typing import Literal

import torch

from stages.core.base.command import InputError


def select_device(name: Literal["cpu", "cuda"]) -> torch.device:
    """The device called `name`. On a GPU every operation is then deterministic, and float32 is not cut to TF32.

    Raises `InputError` where there is no GPU.
    """
    if name == "cuda":
        if not torch.cuda.is_available():
            raise InputError("params.yaml: train.device = 'cuda': no CUDA device is to be found here; 'cpu' always is")
        torch.use_deterministic_algorithms(True)
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
    return torch.device(name)
