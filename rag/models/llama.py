"""The built-in language model's decoder in torch.

A forward pass of our own over the folder's weights, as the encoder has one: transformers' `LlamaForCausalLM` computes
the same, but takes seconds to import, and much of a small model's time for a token goes into its layers of Python.

    ids ─embedding→ state ─30 × (+ attention(norm(state)), + mlp(norm(state)))→ norm ─embedding, transposed→ logits

Root-mean-square norms, rotary positions (halves, not pairs), grouped queries, a gated mlp: Llama 2, Touvron et al.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rag.models.folder import WEIGHTS, read_config

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Cache = list[tuple[Tensor, Tensor]]  # keys and values (1, heads, t, d) of each layer


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer's weights (out, in); `projection` is query, key and value in one, `gated` gate and up."""

    norm: Tensor
    projection: Tensor
    attended: Tensor
    gated_norm: Tensor
    gated: Tensor
    down: Tensor


@dataclass(frozen=True, slots=True)
class Output:
    """`logits` (1, 1, vocabulary) of the last token; `cache` for the tokens that come after."""

    logits: Tensor
    cache: Cache | None


@dataclass(frozen=True, slots=True)
class Settings:
    """What is read of a model's config and generation config, under transformers' names."""

    eos_token_id: int
    max_position_embeddings: int
    is_encoder_decoder: bool = field(default=False, init=False)

    def get_text_config(self, *, decoder: bool) -> Settings:  # noqa: ARG002 (transformers' parameter)
        """Itself: it reads text alone."""
        return self


class Llama:
    """Runs the weights in `folder` on `device` in `dtype`; has of a transformers model what decoding uses.

    Raises OSError, ValueError and KeyError where files are missing or damaged.
    """

    def __init__(self, folder: Path, device: str, dtype: torch.dtype) -> None:
        import torch
        from safetensors.torch import load_file

        config = read_config(folder)
        self.config = Settings(config["eos_token_id"], config["max_position_embeddings"])
        self.generation_config = self.config
        self.device = torch.device(device)
        self._heads: int = config["num_attention_heads"]
        self._shared: int = config["num_key_value_heads"]
        self._width: int = config["head_dim"]
        self._epsilon: float = config["rms_norm_eps"]
        tensors = {
            name.removeprefix("model."): tensor.to(device, dtype)
            for name, tensor in load_file(folder / WEIGHTS, device="cpu").items()
        }
        self._words = tensors["embed_tokens.weight"]
        self._norm = tensors["norm.weight"]
        self._layers = [_layer(tensors, f"layers.{number}.") for number in range(config["num_hidden_layers"])]
        powers = torch.arange(0, self._width, 2, dtype=torch.float32, device=device) / self._width
        self._speeds = config["rope_theta"] ** -powers

    def forward(self, input_ids: Tensor, cache: Cache | None = None, *, use_cache: bool = True) -> Output:
        """The output for ids (1, t) that come after those in `cache`."""
        import torch
        import torch.nn.functional as F  # noqa: N812 (its usual name)

        length = input_ids.shape[1]
        past = cache[0][0].shape[2] if cache else 0
        state = F.embedding(input_ids, self._words)
        angles = torch.outer(torch.arange(past, past + length, device=self.device), self._speeds).repeat(1, 2)
        turn = angles.cos().to(state.dtype), angles.sin().to(state.dtype)
        seen = (
            None if length == 1 else torch.ones(length, past + length, dtype=torch.bool, device=self.device).tril(past)
        )
        kept: Cache = []
        for number, layer in enumerate(self._layers):
            before = cache[number] if cache else None
            update, pair = self._attention(layer, self._normed(state, layer.norm), turn, seen, before)
            kept.append(pair)
            state = state + update
            gate, up = F.linear(self._normed(state, layer.gated_norm), layer.gated).chunk(2, dim=-1)
            state = state + F.linear(F.silu(gate) * up, layer.down)
        logits = F.linear(self._normed(state[:, -1:], self._norm), self._words)
        return Output(logits, kept if use_cache else None)

    __call__ = forward

    def _attention(
        self,
        layer: _Layer,
        state: Tensor,
        turn: tuple[Tensor, Tensor],
        seen: Tensor | None,
        before: tuple[Tensor, Tensor] | None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """What a layer's attention adds to the state (1, t, d), and its keys and values with those of `before`."""
        import torch
        import torch.nn.functional as F  # noqa: N812 (its usual name)

        length = state.shape[1]
        turned = self._heads + self._shared
        projected = (
            F.linear(state, layer.projection).view(1, length, turned + self._shared, self._width).transpose(1, 2)
        )
        value = projected[:, turned:]
        placed = projected[:, :turned]
        first, second = placed.chunk(2, dim=-1)
        placed = placed * turn[0] + torch.cat((-second, first), dim=-1) * turn[1]
        key = placed[:, self._heads :]
        if before:
            key, value = torch.cat((before[0], key), dim=2), torch.cat((before[1], value), dim=2)
        found = F.scaled_dot_product_attention(
            placed[:, : self._heads], key, value, attn_mask=seen, enable_gqa=self._heads > self._shared
        )
        return F.linear(found.transpose(1, 2).reshape(1, length, -1), layer.attended), (key, value)

    def _normed(self, state: Tensor, weight: Tensor) -> Tensor:
        import torch.nn.functional as F  # noqa: N812 (its usual name)

        return F.rms_norm(state, weight.shape, weight, self._epsilon)


def _layer(tensors: dict[str, Tensor], name: str) -> _Layer:
    import torch

    def joined(*parts: str) -> Tensor:
        return torch.cat([tensors[f"{name}{part}.weight"] for part in parts])

    return _Layer(
        norm=tensors[f"{name}input_layernorm.weight"],
        projection=joined("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        attended=tensors[f"{name}self_attn.o_proj.weight"],
        gated_norm=tensors[f"{name}post_attention_layernorm.weight"],
        gated=joined("mlp.gate_proj", "mlp.up_proj"),
        down=tensors[f"{name}mlp.down_proj.weight"],
    )
