"""The optimisers, on one flat vector of weights; the formulas and defaults are those of torch.optim.

Written out because they are short, their whole state is a few vectors that a checkpoint can hold, and torch.optim
imports torch's compiler on first use, which takes longer than an epoch of a small model.
"""

import torch

from stages.core.config.recipe import TrainConfig

SECOND_BETA = 0.999  # Adam and AdamW
SMOOTHING = 0.99  # RMSprop
EPSILON = 1e-8


class Optimizer:
    """Updates `weights` (P,) in place. `momentum` of the section `train` is the first beta of Adam and AdamW.

    Weight decay takes all of them: without it on biases and scales, five seeds of the default were 0.01 points lower.
    """

    def __init__(self, config: TrainConfig, weights: torch.Tensor) -> None:
        self.config = config
        self.weights = weights
        self.steps = 0
        self.velocity = torch.zeros_like(weights)  # mean of the gradients, or their momentum
        self.square = torch.zeros_like(weights)  # mean of the squared gradients

    def step(self, gradient: torch.Tensor, rate: float) -> None:
        """Take one step along `gradient` (P,) at the learning rate `rate`, after clipping its norm if configured."""
        config, weights = self.config, self.weights
        self.steps += 1
        if config.grad_clip:
            gradient = gradient * min(1.0, config.grad_clip / (gradient.norm().item() + 1e-6))
        if config.optimizer == "adamw":
            weights.mul_(1 - rate * config.weight_decay)
        elif config.weight_decay:
            gradient = gradient.add(weights, alpha=config.weight_decay)

        match config.optimizer:
            case "sgd":
                velocity = self.velocity.mul_(config.momentum).add_(gradient)
                direction = gradient.add(velocity, alpha=config.momentum) if config.nesterov else velocity
                weights.add_(direction, alpha=-rate)
            case "rmsprop":
                self.square.mul_(SMOOTHING).addcmul_(gradient, gradient, value=1 - SMOOTHING)
                velocity = self.velocity.mul_(config.momentum).addcdiv_(gradient, _root(self.square).add_(EPSILON))
                weights.add_(velocity, alpha=-rate)
            case "adam" | "adamw":
                self.velocity.lerp_(gradient, 1 - config.momentum)
                self.square.mul_(SECOND_BETA).addcmul_(gradient, gradient, value=1 - SECOND_BETA)
                # Both means start at 0; these factors undo that bias (Kingma and Ba, Adam, 2015, section 3).
                unbias = 1 - config.momentum**self.steps
                spread = _root(self.square / (1 - SECOND_BETA**self.steps)).add_(EPSILON)
                weights.addcdiv_(self.velocity, spread, value=-rate / unbias)


def _root(x: torch.Tensor) -> torch.Tensor:
    """The square root. torch.sqrt asks MKL, whose last bit differs between makes of processor; these two divide."""
    return x.rsqrt().reciprocal_()
