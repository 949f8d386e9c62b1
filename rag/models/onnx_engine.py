"""The encoder on ONNX Runtime: starts in a fraction of a second, and needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.models.adapters import graph_file
from rag.models.batches import BATCH_TOKENS, BatchThreads
from rag.models.folder import GRAPH
from rag.models.threads import session_options

Floats = NDArray[np.float32]


class OnnxEngine:
    """Runs `folder`/model.onnx, or the graph of an adapter there, in float32 on the CPU.

    On so many threads; by default as `rag.models.threads` says.
    """

    name = "onnxruntime float32"
    batch_tokens = BATCH_TOKENS

    def __init__(self, folder: Path, threads: int | None = None, *, adapter: str = "") -> None:
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        options = session_options(threads)
        # The graph is written fused; looking for more to fuse finds nothing and takes a fifth of the start.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        graph = graph_file(folder, adapter) if adapter else folder / GRAPH
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    @cached_property
    def threads(self) -> BatchThreads:
        """One: its own threads share each batch."""
        return BatchThreads(1)

    def hidden(self, sequences: Sequence[Sequence[int]]) -> list[Floats]:
        """The last hidden states (t, d) float32 of each sequence of ids; one batch."""
        lengths = [len(sequence) for sequence in sequences]
        ids = np.zeros((len(sequences), max(lengths)), np.int64)
        mask = np.zeros_like(ids)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = sequence
            mask[row, : len(sequence)] = 1
        (states,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return [states[row, :length] for row, length in enumerate(lengths)]
