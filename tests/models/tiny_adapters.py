"""Random adapters of the tiny encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from rag.models.adapters import QUESTION, READER, TOKEN_MEAN, adapter_file
from tests.models.tiny_encoder import HIDDEN, INNER, LAYERS

RANK = 4
Halves = NDArray[np.float16]


def write_adapters(folder: Path, base_sha256: str, seed: int = 0) -> None:
    """Write both, as they are packaged; the reader's changes the upper layer alone."""
    random = np.random.default_rng(seed)

    def some(*shape: int) -> Halves:
        return random.normal(0, 0.2, shape).astype(np.float16)

    def changes(first: int) -> dict[str, Halves]:
        sizes = {f"attention.self.{part}": (HIDDEN, HIDDEN) for part in ("query", "key", "value")}
        sizes |= {"attention.output.dense": (HIDDEN, HIDDEN)}
        sizes |= {"intermediate.dense": (INNER, HIDDEN), "output.dense": (HIDDEN, INNER)}
        return {
            f"encoder.layer.{layer}.{name}.{part}": some(*(shape if part == "B" else shape[::-1]))
            for layer in range(first, LAYERS)
            for name, (rows, columns) in sizes.items()
            for part, shape in (("A", (columns, RANK)), ("B", (rows, RANK)))
        }

    heads = {"span.weight": some(2, HIDDEN), "span.bias": some(2)}
    heads |= {"answered.0.weight": some(HIDDEN, HIDDEN), "answered.0.bias": some(HIDDEN)}
    heads |= {"answered.2.weight": some(1, HIDDEN), "answered.2.bias": some(1)}
    for name, tensors in (
        (QUESTION, changes(0) | {TOKEN_MEAN: some(HIDDEN)}),
        (READER, changes(1) | heads),
    ):
        save_file(tensors, adapter_file(folder, name), metadata={"base_sha256": base_sha256})
