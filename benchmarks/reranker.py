"""What a cross-encoder costs: seconds to rerank 50 passages of 120 to 320 tokens on this machine's CPU, by its size.

    OMP_NUM_THREADS=1 python benchmarks/reranker.py

The models are random ones of the sizes of known ones: time does not depend on what weights are. Nothing else should run
meanwhile.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from rag.datatypes import Chunk, Hit, Scores
from rag.models import reranker
from rag.retrieval.retriever import RERANK_DEPTH

SIZES = {  # layers, width, heads
    "ms-marco-MiniLM-L6-v2": (6, 384, 12),
    "bge-reranker-base": (12, 768, 12),
    "bge-reranker-v2-m3": (24, 1024, 16),
}
DTYPES = ("float32", "bfloat16")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz"]


def main() -> None:
    draw = random.Random(0)
    hits = [hit(draw.choices(WORDS[5:], k=draw.randint(120, 320))) for _ in range(RERANK_DEPTH)]
    for name, size in SIZES.items():
        with tempfile.TemporaryDirectory() as folder:
            save(Path(folder), *size)
            print(f"{name:24}", *(f"{dtype} {seconds(folder, hits, dtype):5.1f} s" for dtype in DTYPES), flush=True)


def hit(words: list[str]) -> Hit:
    """A passage of these words, each of them a token."""
    text = " ".join(words)
    return Hit(Chunk("chunk", "document", 0, len(text), text), 0.0, Scores(), "/nowhere", text, 0, len(text))


def save(folder: Path, layers: int, width: int, heads: int) -> None:
    """A random BERT of this size that scores pairs."""
    import transformers

    make: Any = transformers.BertConfig  # takes more than it declares
    config = make(
        vocab_size=len(WORDS),
        num_hidden_layers=layers,
        hidden_size=width,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        num_labels=1,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    (folder / "words.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizer(vocab=str(folder / "words.txt"), model_max_length=512).save_pretrained(folder)


def seconds(folder: str, hits: list[Hit], dtype: str) -> float:
    """Of reranking the hits, the model loaded and warm."""
    module: Any = reranker
    module.dtype_for = lambda *_, **__: dtype
    model = reranker.open_cross_encoder(folder, device="cpu")
    model.rerank("a b c d e f g h", hits[:2])
    started = time.perf_counter()
    model.rerank("a b c d e f g h", hits)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
