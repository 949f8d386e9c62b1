"""What we trained on top of a built-in model: low-rank changes of its linear layers (LoRA, Hu et al. 2021).

A layer with weight W gives `x Wᵀ + x Aᵀ Bᵀ`, A (r, in), B (out, r). The base stays as it came out of its wheel, so
texts are embedded as by anyone who uses it, and an index knows nothing of adapters.

    question   reads a question so that the right passage is near in any language   benchmarks/fit_question.py
    reader     reads question and passage together: is it answered, and where       benchmarks/fit_reader.py

Each is one file here, in float16; README.md says what it was trained on and under which licence it is. `install` puts
them, as float32 and with a graph, into the folder of the model that they belong to.
"""

from __future__ import annotations

from pathlib import Path

QUESTION = "question"
READER = "reader"
NAMES = (QUESTION, READER)
TOKEN_MEAN = "token_mean"  # a tensor of QUESTION: the base's mean token vector, which an index subtracts


def install(folder: Path, base_sha256: str, packaged: Path = Path(__file__).parent) -> None:
    """Put the `packaged` adapters of the model that was converted from a file with this SHA-256 into its folder."""
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    from rag.models.encoder_graph import write_graph

    for name in NAMES:
        path = adapter_file(packaged, name)
        if not path.is_file():
            continue
        with safe_open(path, "numpy") as file:
            metadata = file.metadata()
        if metadata["base_sha256"] == base_sha256:
            tensors = {key: tensor.astype("float32") for key, tensor in load_file(path).items()}
            save_file(tensors, adapter_file(folder, name), metadata=metadata)
            write_graph(folder, name)


def adapter_file(folder: Path, name: str) -> Path:
    """Where the adapter lies in a converted model's folder."""
    return folder / f"{name}.safetensors"


def graph_file(folder: Path, name: str) -> Path:
    """Where the adapted model's graph lies in a converted model's folder."""
    return folder / f"{name}.onnx"
