"""The built-in encoder in torch with low-rank changes that can be trained; the base stays as it is.

LoRA (Hu et al. 2021): a linear layer gives `x Wᵀ + b + x Aᵀ Bᵀ`, where only A (r, in) and B (out, r) are trained and
B begins at zero. Names of tensors are those of the folder's model.safetensors, so that what is trained is an
adapter as `rag.models.adapters` has them.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from rag.models.catalogue import CATALOGUE, DEFAULT_EMBEDDER
from rag.models.folder import WEIGHTS, read_config

FAR = -1e4
"""What is added to the attention's scores where there is padding."""


class Linear(nn.Module):
    """A frozen linear layer with a low-rank change."""

    def __init__(self, tensors: dict[str, Tensor], name: str, rank: int) -> None:
        super().__init__()
        self.name = name
        self.weight, self.bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        rows, columns = self.weight.shape
        self.low = nn.Parameter(torch.randn(rank, columns) / math.sqrt(columns))
        self.high = nn.Parameter(torch.zeros(rows, rank))

    def forward(self, state: Tensor) -> Tensor:
        change = F.linear(F.linear(state, self.low.to(state.dtype)), self.high.to(state.dtype))
        return F.linear(state, self.weight, self.bias) + change


class Layer(nn.Module):
    """One layer of BERT's encoder."""

    def __init__(self, tensors: dict[str, Tensor], number: int, rank: int, heads: int, epsilon: float) -> None:
        super().__init__()
        name = f"encoder.layer.{number}."
        parts = [f"attention.self.{part}" for part in ("query", "key", "value")]
        self.projections = nn.ModuleList(Linear(tensors, name + part, rank) for part in parts)
        self.attended = Linear(tensors, name + "attention.output.dense", rank)
        self.inner = Linear(tensors, name + "intermediate.dense", rank)
        self.outer = Linear(tensors, name + "output.dense", rank)
        norms = [name + part for part in ("attention.output.LayerNorm", "output.LayerNorm")]
        self.norms = [(tensors[f"{norm}.weight"], tensors[f"{norm}.bias"]) for norm in norms]
        self.heads, self.epsilon = heads, epsilon

    def forward(self, state: Tensor, padding: Tensor, dropout: float) -> Tensor:
        batch, length, width = state.shape
        query, key, value = (
            projection(state).view(batch, length, self.heads, width // self.heads).transpose(1, 2).contiguous()
            for projection in self.projections
        )
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=padding)
        update = self.attended(found.transpose(1, 2).reshape(batch, length, width))
        state = self.added(state, update, dropout, 0)
        return self.added(state, self.outer(F.gelu(self.inner(state))), dropout, 1)

    def added(self, state: Tensor, update: Tensor, dropout: float, which: int) -> Tensor:
        if dropout and self.training:
            update = F.dropout(update, dropout)
        return F.layer_norm(state + update, state.shape[-1:], *self.norms[which], self.epsilon)


class AdaptedEncoder(nn.Module):
    """ids (b, t) and mask (b, t) bool → last hidden states (b, t, d), float32.

    Layers below `first` are left as they are.
    """

    def __init__(self, folder: Path, rank: int, *, dtype: torch.dtype = torch.float32, first: int = 0) -> None:
        super().__init__()
        config = read_config(folder)
        tensors = load_file(folder / WEIGHTS)
        self.words = tensors.pop("embeddings.word_embeddings.weight")
        tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}
        kinds = tensors["embeddings.token_type_embeddings.weight"]
        self.places = tensors["embeddings.position_embeddings.weight"] + kinds[0]
        self.norm = tensors["embeddings.LayerNorm.weight"], tensors["embeddings.LayerNorm.bias"]
        self.epsilon = float(config["layer_norm_eps"])
        heads = int(config["num_attention_heads"])
        self.layers = nn.ModuleList(
            Layer(tensors, number, rank, heads, self.epsilon) for number in range(int(config["num_hidden_layers"]))
        )
        self.dtype, self.first, self.dropout = dtype, first, 0.0
        for layer in self.layers[:first]:
            layer.requires_grad_(requires_grad=False)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        with torch.no_grad():
            state = F.embedding(ids, self.words).to(self.dtype) + self.places[: ids.shape[1]]
            state = F.layer_norm(state, state.shape[-1:], *self.norm, self.epsilon)
            padding = torch.zeros(mask.shape, dtype=self.dtype).masked_fill(~mask, FAR)[:, None, None, :]
            for layer in self.layers[: self.first]:
                state = layer(state, padding, 0.0)
        for layer in self.layers[self.first :]:
            state = layer(state, padding, self.dropout)
        return state.float()

    def adapter(self) -> dict[str, Tensor]:
        """What was trained, by name."""
        linears = [part for layer in self.layers[self.first :] for part in layer.modules() if isinstance(part, Linear)]
        low = {f"{linear.name}.A": linear.low.detach() for linear in linears}
        return low | {f"{linear.name}.B": linear.high.detach() for linear in linears}


def save_adapter(path: Path, tensors: dict[str, Tensor], rank: int) -> None:
    """Write an adapter in float16, with the base that it belongs to."""
    halves = {name: tensor.to(torch.float16).contiguous() for name, tensor in tensors.items()}
    base = CATALOGUE[DEFAULT_EMBEDDER].member_sha256
    save_file(halves, path, metadata={"base_sha256": base, "rank": str(rank)})
    path.chmod(0o644)


def padded(sequences: list[list[int]]) -> tuple[Tensor, Tensor]:
    """ids (b, t) and mask (b, t) of sequences of different lengths."""
    longest = max(map(len, sequences))
    ids: NDArray[np.int64] = np.zeros((len(sequences), longest), np.int64)
    mask = np.zeros((len(sequences), longest), bool)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = True
    return torch.from_numpy(ids), torch.from_numpy(mask)
