"""The encoder in torch: for long jobs, and for GPUs.

On a CPU each thread has a batch of its own: threads that share every product of matrices spend much of their time
waiting for each other, most of all where other programs run too.

A forward pass of our own over the folder's weights: transformers' `BertModel` computes the same, but takes seconds to
import, and on a CPU projects queries, keys and values one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rag.models.adapters import adapter_file
from rag.models.batches import BATCH_TOKENS, BatchThreads
from rag.models.folder import WEIGHTS, read_config
from rag.models.products import Int8Product, OneDnnProduct, Product, TorchProduct, has_onednn
from rag.models.threads import limit_torch
from rag.threads import thread_count

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Norm = tuple[Tensor, Tensor]  # scale, shift

Floats = NDArray[np.float32]
INT8 = "int8"
CPU_BATCH_TOKENS = 1024  # padding included; a batch keeps one thread busy, and a slab has enough of them for all
INT8_BATCH_TOKENS = 512  # what a thread's own cache holds: a sixth faster than with 3072


@dataclass(frozen=True, slots=True)
class _Layer:
    """One encoder layer; `projection` is query, key and value in one."""

    projection: Product
    attended: Product
    attended_norm: Norm
    inner: Product
    outer: Product
    outer_norm: Norm


class TorchEngine:
    """Runs the weights in `folder` on `device` in `dtype`, the name of a torch dtype; with an adapter merged in.

    In "int8" the products with weights are in whole numbers, all else in float32. Raises RuntimeError where
    the processor cannot.
    """

    def __init__(self, folder: Path, device: str = "cpu", dtype: str = "float32", *, adapter: str = "") -> None:
        import torch
        from safetensors import safe_open

        limit_torch()
        config = read_config(folder)
        self.name = f"torch {dtype}" if device == "cpu" else f"torch {dtype} {device}"
        on_cpu = INT8_BATCH_TOKENS if dtype == INT8 else CPU_BATCH_TOKENS
        self.batch_tokens = on_cpu if device == "cpu" else BATCH_TOKENS
        self._device = device
        self._dtype: torch.dtype = torch.float32 if dtype == INT8 else getattr(torch, dtype)
        self._heads = int(config["num_attention_heads"])
        self._epsilon = float(config["layer_norm_eps"])
        with safe_open(folder / WEIGHTS, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
        if adapter:
            _merge(tensors, adapter_file(folder, adapter))
        # The table of words stays as it lies in the file (mapped, float16): a batch needs few of its rows.
        self._words = tensors.pop("embeddings.word_embeddings.weight").to(device)
        moved = {name: tensor.to(device, self._dtype) for name, tensor in tensors.items()}
        kinds = tensors["embeddings.token_type_embeddings.weight"]
        places = tensors["embeddings.position_embeddings.weight"] + kinds[0]
        self._places = places.to(device, self._dtype)
        self._norm = _pair(moved, "embeddings.LayerNorm")
        product = _product(device, dtype, self._dtype)
        self._layers = [_layer(moved, number, product) for number in range(int(config["num_hidden_layers"]))]

    @cached_property
    def threads(self) -> BatchThreads:
        """On a CPU as many as there are, with a batch for each; a GPU has one that feeds it."""
        import torch

        if self._device != "cpu":
            return BatchThreads(1)
        return BatchThreads(thread_count(), lambda: torch.set_num_threads(1))

    def hidden(self, sequences: Sequence[Sequence[int]]) -> list[Floats]:
        """The last hidden states (t, d) float32 of each sequence of ids; one batch."""
        import torch

        lengths = [len(sequence) for sequence in sequences]
        ids = np.zeros((len(sequences), max(lengths)), np.int64)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = sequence
        with torch.inference_mode():
            padding = None
            if min(lengths) < max(lengths):
                outside = torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]
                padding = torch.zeros(outside.shape, dtype=self._dtype).masked_fill_(outside, float("-inf"))
                padding = padding[:, None, None, :].to(self._device)
            states = self._forward(torch.from_numpy(ids).to(self._device), padding).float().cpu().numpy()
        return [states[row, :length] for row, length in enumerate(lengths)]

    def _forward(self, ids: Tensor, padding: Tensor | None) -> Tensor:
        """ids (b, t) → last hidden states (b, t, d); `padding` is added to the attention's scores."""
        import torch.nn.functional as F  # noqa: N812 (its usual name)

        batch, length = ids.shape
        state = F.embedding(ids, self._words).to(self._dtype) + self._places[:length]
        width = state.shape[-1]
        state = F.layer_norm(state, (width,), *self._norm, self._epsilon)
        for layer in self._layers:
            projected = layer.projection.plain(state).view(batch, length, 3, self._heads, width // self._heads)
            query, key, value = projected.permute(2, 0, 3, 1, 4)
            attended = F.scaled_dot_product_attention(query, key, value, attn_mask=padding)
            attended = attended.transpose(1, 2).reshape(batch, length, width)
            state = layer.attended.plus(attended, state)
            state = F.layer_norm(state, (width,), *layer.attended_norm, self._epsilon)
            state = layer.outer.plus(layer.inner.gelu(state), state)
            state = F.layer_norm(state, (width,), *layer.outer_norm, self._epsilon)
        return state


def _merge(tensors: dict[str, Tensor], path: Path) -> None:
    """Add an adapter's B A to each weight that it changes."""
    from safetensors.torch import load_file

    added = load_file(path)
    for name in [name.removesuffix(".A") for name in added if name.endswith(".A")]:
        tensors[f"{name}.weight"] = tensors[f"{name}.weight"] + added[f"{name}.B"] @ added[f"{name}.A"]


def _product(device: str, name: str, dtype: torch.dtype) -> Callable[[Tensor, Tensor], Product]:
    """What makes a product of a weight and a bias."""
    if name == INT8:
        return Int8Product
    return OneDnnProduct if device == "cpu" and has_onednn(dtype) else TorchProduct


def _layer(tensors: dict[str, Tensor], number: int, product: Callable[[Tensor, Tensor], Product]) -> _Layer:
    import torch

    name = f"encoder.layer.{number}."
    parts = [_pair(tensors, f"{name}attention.self.{part}") for part in ("query", "key", "value")]
    return _Layer(
        projection=product(torch.cat([weight for weight, _ in parts]), torch.cat([bias for _, bias in parts])),
        attended=product(*_pair(tensors, name + "attention.output.dense")),
        attended_norm=_pair(tensors, name + "attention.output.LayerNorm"),
        inner=product(*_pair(tensors, name + "intermediate.dense")),
        outer=product(*_pair(tensors, name + "output.dense")),
        outer_norm=_pair(tensors, name + "output.LayerNorm"),
    )


def _pair(tensors: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]
