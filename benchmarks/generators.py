"""Language models in this process: how fast each engine writes, and how far the estimate of tokens is from the truth.

    python benchmarks/generators.py                    what tokens are estimated at, on corpora/handbook
    python benchmarks/generators.py MODEL.gguf         also the same file by llama.cpp, and converted

Processor seconds are what a busy machine does not change much; wall seconds are those of this run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from rag.datatypes import Message, Sampling
from rag.models.catalogue import DEFAULT_EMBEDDER, DEFAULT_GENERATOR
from rag.models.gguf import open_gguf
from rag.models.language import open_language_model
from rag.models.load import load_embedder, load_language_model
from rag.models.server import estimated_tokens
from rag.protocols import LanguageModel
from rag.text.language import language

DOCUMENTS = Path(__file__).parents[1] / "corpora" / "handbook"
PASSAGE = "The Kestrel pump was installed in hall 3 in May 2021. It is serviced every 600 hours by Marta Ibel. " * 20
MESSAGES = [
    Message("system", "Answer in full sentences, using only the passage."),
    Message("user", f"Passage: {PASSAGE}\n\nQuestion: What is known of the Kestrel pump?"),
]
WRITTEN = Sampling(max_tokens=48)


def main() -> None:
    """Print the tables."""
    estimates()
    for name in sys.argv[1:]:
        speeds(Path(name))


def estimates() -> None:
    """Estimated tokens over those of real tokenizers: the least of any text of a language, and of all together."""
    embedder, model = load_embedder(), load_language_model()
    counters: dict[str, Callable[[str], int]] = {
        f"{DEFAULT_EMBEDDER} (Unigram, 250,000)": lambda text: embedder.count_tokens([text])[0],
        f"{DEFAULT_GENERATOR} (byte-level BPE, 49,152)": model.count_tokens,
    }
    texts = [path.read_text(encoding="utf-8") for path in sorted(DOCUMENTS.rglob("*.md")) if path.stat().st_size]
    print("| tokenizer | language | texts | least | together |\n|---|---|---|---|---|")
    for name, count in counters.items():
        for code in ("en", "zh"):
            pairs = [(estimated_tokens(text), count(text)) for text in texts if language(text) == code]
            least = min(estimate / real for estimate, real in pairs)
            together = sum(estimate for estimate, _ in pairs) / sum(real for _, real in pairs)
            print(f"| {name} | {code} | {len(pairs)} | {least:.2f} | {together:.2f} |")


def speeds(path: Path) -> None:
    """What opening the file and writing takes, with either engine."""
    engines: dict[str, Callable[[Path], LanguageModel]] = {
        "llama.cpp": lambda file: open_gguf(file, device="cpu"),
        "converted once, transformers": lambda file: open_language_model(file, device="cpu"),
    }
    print("| engine | opening s | prompt tokens | first piece s | tokens/s after | processor s in all |")
    print("|---|---|---|---|---|---|")
    for name, opened in engines.items():
        opened(path)  # converts, or fills the system's cache
        start = time.perf_counter()
        model = opened(path)
        opening = time.perf_counter() - start
        busy, start = time.process_time(), time.perf_counter()
        stream = model.generate(MESSAGES, WRITTEN)
        first = next(stream)
        waited = time.perf_counter() - start
        rest = "".join(stream)
        rate = model.count_tokens(rest) / (time.perf_counter() - start - waited)
        prompt = model.count_tokens(model.render(MESSAGES))
        print(f"| {name} | {opening:.1f} | {prompt} | {waited:.1f} | {rate:.1f} | {time.process_time() - busy:.1f} |")
        print(f"  {first + rest!r}", file=sys.stderr)


if __name__ == "__main__":
    main()
