"""The forward pass by what runs it: tokens a second on one thread, and how near its vectors are to torch's float32.

    python benchmarks/engines.py [--texts corpus.jsonl] [--limit 120]
    python benchmarks/engines.py --quality [SET ...]

Paragraphs of the handbook, or of an evaluation corpus, in batches by length as the torch engine has them. Beside the
engines that rag chooses from: OpenVINO (where it is installed: `pip install openvino`) in float32 and bfloat16, and
ONNX Runtime with weights in 8 bits by `quantize_dynamic`. All in one process, in turns; no token vectors are kept.

`--quality`: nDCG@10 of the handbook, or of evaluation sets, whose passages each engine of rag's embedded (questions are
always embedded in floats), by embeddings alone and by the whole search.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from embedding import pieces
from numpy.typing import NDArray

from rag import load_embedder
from rag.evaluation.run import evaluate
from rag.models.batches import by_length
from rag.models.cache import locate
from rag.models.catalogue import DEFAULT_EMBEDDER
from rag.models.encoder import unit_rows
from rag.models.folder import GRAPH
from rag.models.onnx_engine import OnnxEngine
from rag.models.torch_engine import INT8, TorchEngine
from rag.retrieval.fuse import Fusion

Floats = NDArray[np.float32]
Hidden = Callable[[Sequence[Sequence[int]]], Sequence[Floats]]
REFERENCE = "torch float32"
HANDBOOK = Path(__file__).parents[1] / "corpora" / "handbook"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, help="corpus.jsonl of an evaluation corpus [default: the handbook]")
    parser.add_argument("--limit", type=int, default=120, help="paragraphs at most [default: 120]")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quality", type=Path, nargs="*", metavar="SET")
    options = parser.parse_args()
    folder = locate(DEFAULT_EMBEDDER)
    if folder is None:
        parser.exit(1, "fetch the model first: rag models pull\n")
    if options.quality is not None:
        for corpus in options.quality or [HANDBOOK]:
            show_quality(folder, corpus)
        return
    embedder: Any = load_embedder()
    texts = [text for text, _ in zip(pieces(embedder, options.texts), range(options.limit), strict=False)]
    before, after = embedder.frames[1]
    sequences = [[*before, *tokens.ids, *after] for tokens in embedder.tokenizer.cut(texts)]
    with tempfile.TemporaryDirectory() as temporary:
        show(dict(engines(folder, Path(temporary))), sequences, options.runs)


def show_quality(folder: Path, corpus: Path) -> None:
    """A line for each of rag's engines."""
    print(f"\n{corpus.name}\n\n| passages by | embeddings alone | whole search |\n|---|---:|---:|")
    for dtype in ("float32", "bfloat16", INT8, ""):
        engine = TorchEngine(folder, dtype=dtype) if dtype else OnnxEngine(folder)
        embedder: Any = load_embedder()
        embedder._engines = Passages(embedder._engines, engine)
        with tempfile.TemporaryDirectory() as temporary:
            alone, whole = (
                evaluate(corpus, embedder, fusion=fusion, index=Path(temporary) / "index").metrics["ndcg@10"].mean
                for fusion in (Fusion(lexical=0, exact=0, late=0), Fusion())
            )
        print(f"| {engine.name} | {alone:.4f} | {whole:.4f} |", flush=True)


class Passages:
    """Embeds all passages by one engine, questions by the one that is chosen for them."""

    def __init__(self, others: Any, engine: Any) -> None:
        self._others = others
        self._engine = engine

    def for_query(self) -> Any:
        return self._others.for_query()

    def for_texts(self, _tokens: int) -> Any:
        return self._engine


def engines(folder: Path, work: Path) -> Iterator[tuple[str, tuple[Hidden, int]]]:
    """By name what gives hidden states, and the tokens of its batches; each on one thread."""
    import torch

    torch.set_num_threads(1)
    for dtype in ("float32", "bfloat16", INT8):
        engine = TorchEngine(folder, dtype=dtype)
        yield engine.name, (engine.hidden, engine.batch_tokens)
    torch.set_num_threads(1)
    onnx = OnnxEngine(folder, threads=1)
    yield onnx.name, (onnx.hidden, onnx.batch_tokens)
    eight = OnnxEngine(_in_eight_bits(folder, work), threads=1)
    yield "onnxruntime int8 (dynamic)", (eight.hidden, eight.batch_tokens)
    try:
        import openvino
    except ImportError:
        print("OpenVINO is not installed: left out")
        return
    core = openvino.Core()
    for precision in ("f32", "bf16"):
        settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
        compiled = core.compile_model(str(folder / GRAPH), "CPU", settings)
        yield f"openvino {precision}", (_openvino(compiled.create_infer_request()), TorchEngine(folder).batch_tokens)


def _in_eight_bits(folder: Path, work: Path) -> Path:
    """The folder of a copy of the graph with its weights quantised."""
    from onnx import TensorProto
    from onnxruntime.quantization import QuantType, quantize_dynamic

    unknown = {"DefaultTensorType": TensorProto.FLOAT}  # of what ONNX Runtime's own operators give
    products = ["MatMul", "Gemm"]  # not the table of words, whose float16 has no 8-bit operators
    quantize_dynamic(
        folder / GRAPH,
        work / GRAPH,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=products,
        extra_options=unknown,
    )
    return work


def _openvino(request: Any) -> Hidden:
    def hidden(sequences: Sequence[Sequence[int]]) -> list[Floats]:
        longest = max(map(len, sequences))
        ids = np.zeros((len(sequences), longest), np.int64)
        mask = np.zeros_like(ids)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)], mask[row, : len(sequence)] = sequence, 1
        states = request.infer({"input_ids": ids, "attention_mask": mask})[0]
        return [states[row, : len(sequence)] for row, sequence in enumerate(sequences)]

    return hidden


def show(found: dict[str, tuple[Hidden, int]], sequences: Sequence[Sequence[int]], runs: int) -> None:
    """A line for each engine."""
    tokens = sum(map(len, sequences))
    vectors = {name: _vectors(*engine, sequences) for name, engine in found.items()}
    spent: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(runs):
        for name, engine in found.items():
            started = time.perf_counter()
            _vectors(*engine, sequences)
            spent[name].append(time.perf_counter() - started)
    base = statistics.median(spent[REFERENCE])
    print(f"{len(sequences)} paragraphs, {tokens} tokens\n")
    print(f"| one thread | tokens/s, median | × {REFERENCE} | cosine to it, least |\n|---|---:|---:|---:|")
    for name, each in spent.items():
        near = (vectors[name] * vectors[REFERENCE]).sum(axis=1).min()
        median = statistics.median(each)
        print(f"| {name} | {tokens / median:.0f} | {base / median:.2f} | {near:.5f} |")


def _vectors(hidden: Hidden, budget: int, sequences: Sequence[Sequence[int]]) -> Floats:
    rows: dict[int, Floats] = {}
    for batch in by_length([len(sequence) for sequence in sequences], budget):
        states = hidden([sequences[number] for number in batch])
        rows.update((number, each.mean(axis=0)) for number, each in zip(batch, states, strict=True))
    return unit_rows(np.stack([rows[number] for number in range(len(sequences))]))


if __name__ == "__main__":
    main()
