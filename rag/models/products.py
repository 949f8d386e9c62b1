"""States times weights, the bulk of an encoder's work: as torch does it, as oneDNN does it, in whole numbers of 8 bits.

oneDNN lays the weights out once, in the order in which the processor reads them, and applies GELU or adds the residual
while the result is in the cache; torch's own `linear` rearranges the weights in every call. 8-bit products are for
processors with VNNI or AMX and no bfloat16: a weight has one scale for each output, fixed when the model is loaded; a
state has one for each token, found when it arrives, so that a token's result does not depend on its batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

STEPS = 127  # from zero to the largest magnitude of a row, in 8 bits


class Product(Protocol):
    """Multiplies states (..., in) with a weight (out, in) and adds a bias (out): states (..., out)."""

    def plain(self, states: Tensor) -> Tensor:
        """The product."""

    def gelu(self, states: Tensor) -> Tensor:
        """GELU of the product."""

    def plus(self, states: Tensor, residual: Tensor) -> Tensor:
        """The product + residual (..., out)."""


class _InSteps:
    """GELU and the residual after the product."""

    def plain(self, states: Tensor) -> Tensor:
        raise NotImplementedError

    def gelu(self, states: Tensor) -> Tensor:
        from torch.nn.functional import gelu

        return gelu(self.plain(states))

    def plus(self, states: Tensor, residual: Tensor) -> Tensor:
        return self.plain(states).add_(residual)


class TorchProduct(_InSteps):
    """As `torch.nn.functional.linear` does it, on any device."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight, self._bias = weight, bias

    def plain(self, states: Tensor) -> Tensor:
        from torch.nn.functional import linear

        return linear(states, self._weight, self._bias)


class OneDnnProduct:
    """The weights laid out for oneDNN, on a CPU, by the operators that torch's compiler uses: see `has_onednn`."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        import torch

        self._weight, self._bias = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous()), bias
        self._product = torch.ops.mkldnn._linear_pointwise

    def plain(self, states: Tensor) -> Tensor:
        found: Tensor = self._product(states, self._weight, self._bias, "none", [], "")
        return found

    def gelu(self, states: Tensor) -> Tensor:
        found: Tensor = self._product(states, self._weight, self._bias, "gelu", [], "none")
        return found

    def plus(self, states: Tensor, residual: Tensor) -> Tensor:
        found: Tensor = self._product.binary(states, residual, self._weight, self._bias, "add")
        return found


def has_onednn(dtype: torch.dtype) -> bool:
    """Whether `OneDnnProduct` works here: not in every build of torch, nor with every number format of a processor."""
    import torch

    try:
        OneDnnProduct(torch.zeros(16, 16, dtype=dtype), torch.zeros(16, dtype=dtype)).gelu(
            torch.zeros(1, 16, dtype=dtype)
        )
    except (AttributeError, RuntimeError):  # what it calls is no part of torch's public API
        return False
    return True


class Int8Product(_InSteps):
    """In 8-bit whole numbers: states and bias in float32, of the weights 8 bits are kept."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        rows, scales = _in_bytes(weight)
        self._columns, self._scales, self._bias = rows.T, scales[:, 0], bias

    def plain(self, states: Tensor) -> Tensor:
        import torch

        rows, row_scales = _in_bytes(states.reshape(-1, states.shape[-1]))
        sums = torch._int_mm(rows, self._columns).float().mul_(row_scales)
        return torch.addcmul(self._bias, sums, self._scales, out=sums).view(*states.shape[:-1], -1)


def _in_bytes(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The rows (n, d) as int8, and what to multiply each with (n, 1)."""
    import torch

    largest = torch.maximum(rows.amax(-1, keepdim=True), rows.amin(-1, keepdim=True).neg_())
    scales = largest.clamp_(min=1e-12).div_(STEPS)
    return (rows / scales).round_().to(torch.int8), scales
