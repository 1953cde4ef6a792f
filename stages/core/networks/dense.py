"""Fully connected layers on rows of a table, through oneDNN, whose products of matrices keep to AVX2 kernels.

torch's own linear layers go through MKL, whose one code path for all makes of processor is that of SSE2: a third as
fast on our shards. Networks for images keep to it, so that what they promised stays true to the bit.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import nn


class DenseReLU(nn.Linear):
    """A linear layer and ReLU, from float32 (N, in_features) to (N, out_features)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return dense_relu(x, self.weight, self.bias)


def dense_relu(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """max(0, x W^T + b) for `x` (N, I), `weight` (O, I) and `bias` (O,)."""
    if x.device.type != "cpu" or torch.onnx.is_in_onnx_export() or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return F.linear(x, weight, bias).relu()
    product: torch.Tensor = _DenseReLU.apply(x, weight, bias)
    return product


class _DenseReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = _product(x, weight, bias, "relu")
        ctx.save_for_backward(x, weight, y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor]:
        x, weight, y = ctx.saved_tensors
        gradient = torch.ops.aten.threshold_backward(gradients[0], y, 0)
        of_x = _product(gradient, weight.t()) if ctx.needs_input_grad[0] else None
        return of_x, _product(gradient.t(), x.t()), gradient.sum(dim=0)


def _product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None, then: str = "none") -> Any:
    """x W^T + b; what torch's compiler makes of a linear layer."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, then, [], "")
