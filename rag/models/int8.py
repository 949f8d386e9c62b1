"""Products of matrices in whole numbers of 8 bits, which processors with VNNI or AMX multiply several times as fast.

Weights have one scale for each output, fixed when the model is loaded; a state has one for each token, found when it
arrives, so that a token's result does not depend on the batch that it is in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 127  # from zero to the largest magnitude of a row


def int8_linear(weight: Tensor, bias: Tensor) -> Callable[[Tensor], Tensor]:
    """What gives about states @ weight.T + bias, float32; states (..., in) float32, weight (out, in), bias (out)."""
    import torch

    bytes_, scales = _in_bytes(weight)
    bytes_, scales = bytes_.T, scales[:, 0]

    def linear(states: Tensor) -> Tensor:
        rows, row_scales = _in_bytes(states.reshape(-1, states.shape[-1]))
        sums = torch._int_mm(rows, bytes_).float().mul_(row_scales)
        return torch.addcmul(bias, sums, scales, out=sums).view(*states.shape[:-1], -1)

    return linear


def _in_bytes(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The rows (n, d) as int8, and what to multiply each with (n, 1)."""
    import torch

    largest = torch.maximum(rows.amax(-1, keepdim=True), rows.amin(-1, keepdim=True).neg_())
    scales = largest.clamp_(min=1e-12).div_(STEPS)
    return (rows / scales).round_().to(torch.int8), scales
