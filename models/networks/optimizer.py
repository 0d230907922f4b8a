"""AdamW with a one-cycle learning rate, on all weights of a network as one vector.

It is written out because torch's optimizers bring torch's compiler along: two seconds for every
process that trains, as much as torch itself. And a vector takes one operation where a list of
small tensors takes one each.

Sources: Loshchilov and Hutter (2019), "Decoupled weight decay regularization"; Smith and Topin
(2018), "Super-convergence", for the cycle.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

_SQUARES_DECAY = 0.999
_EPSILON = 1e-8
_GRADIENT_NORM = 1.0
_WARM_UP = 0.2
_FIRST_RATE, _LAST_RATE = 1 / 25, 1 / 250_000
# While the rate is high, the direction follows the newest gradients more.
_MOMENTUM, _MOMENTUM_AT_TOP = 0.95, 0.85


def as_vector(network: nn.Module) -> Tensor:
    """All weights as one vector, which from now on is where the network keeps them."""
    weights = list(network.parameters())
    vector = parameters_to_vector(weights).detach().clone()
    vector_to_parameters(vector, weights)
    return vector


class OneCycleAdamW:
    """Moves the weights of a network against the gradient.

    Args:
        network: What to train; the vector is `weights`.
        top_rate: Highest learning rate.
        weight_decay: Part of each weight, times the learning rate, taken off in each step.
        steps: Steps that the cycle is laid out for.
    """

    def __init__(
        self, network: nn.Module, *, top_rate: float, weight_decay: float, steps: int
    ) -> None:
        self.weights = as_vector(network)
        self._gradient = torch.zeros_like(self.weights)
        self._direction = torch.zeros_like(self.weights)
        self._squares = torch.zeros_like(self.weights)
        self._momentum_left = 1.0
        self._top_rate = top_rate
        self._weight_decay = weight_decay
        self._steps = steps
        self.done = 0
        begin = 0
        for weight in network.parameters():
            weight.grad = self._gradient[begin : begin + weight.numel()].view_as(weight)
            begin += weight.numel()

    def step(self, loss: Tensor) -> None:
        """One step towards a smaller loss, along its gradient, shortened where that is steep."""
        self._gradient.zero_()
        loss.backward()  # type: ignore[no-untyped-call]
        rate, momentum = self._cycle()
        self.done += 1
        with torch.no_grad():
            norm = torch.linalg.vector_norm(self._gradient)
            self._gradient.mul_((_GRADIENT_NORM / (norm + 1e-6)).clamp_max(1.0))
            self._direction.lerp_(self._gradient, 1 - momentum)
            self._squares.lerp_(self._gradient.square(), 1 - _SQUARES_DECAY)
            # Both begin at zero: what part of them is not yet gradients is divided away.
            self._momentum_left *= momentum
            known = 1 - _SQUARES_DECAY**self.done
            width = (self._squares / known).sqrt_().add_(_EPSILON)
            self.weights.mul_(1 - rate * self._weight_decay)
            self.weights.addcdiv_(self._direction, width, value=-rate / (1 - self._momentum_left))

    def _cycle(self) -> tuple[float, float]:
        """Learning rate and momentum of the next step."""
        place = self.done / max(self._steps - 1, 1)
        if place < _WARM_UP:
            part, ends = place / _WARM_UP, _FIRST_RATE
        else:
            part, ends = (1 - place) / (1 - _WARM_UP), _LAST_RATE
        # 0 at the ends, 1 at the top.
        height = (1 - math.cos(math.pi * min(max(part, 0.0), 1.0))) / 2
        rate = self._top_rate * (ends + (1 - ends) * height)
        return rate, _MOMENTUM + (_MOMENTUM_AT_TOP - _MOMENTUM) * height
