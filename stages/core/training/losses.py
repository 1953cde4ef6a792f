"""Losses of logits (N, C) against class indices (N,), summed over the examples."""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from stages.core.config.recipe import TrainConfig


def loss_sum(config: TrainConfig, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The configured loss, summed: shards of a batch add up, and the caller divides by the batch's size."""
    if config.loss == "cross_entropy":
        return F.cross_entropy(logits, targets, label_smoothing=config.label_smoothing, reduction="sum")
    if config.loss == "focal":
        return focal_loss(logits, targets, config.focal_gamma)
    return F.multi_margin_loss(logits, targets, margin=config.margin, reduction="sum")


def focal_loss(logits: torch.Tensor, targets: torch.Tensor, gamma: float) -> torch.Tensor:
    """Sum of -(1 - p)**gamma * log(p), p the probability of the true class; gamma = 0 is cross-entropy.

    Well-classified examples weigh less. Source: Lin et al., Focal Loss for Dense Object Detection (2017), eq. 4.
    """
    log_p = F.log_softmax(logits, dim=1).gather(1, targets[:, None]).squeeze(1)
    # A number as exponent could mean a square root, in the gradient too, and torch's depends on the make of processor.
    exponent = torch.tensor(gamma, device=logits.device)
    return -((1 - log_p.exp()).clamp_min(0) ** exponent * log_p).sum()
