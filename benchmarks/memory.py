"""What memory an ingest of one large file takes, or of many small ones, and how long: by size and kind of text.

    python benchmarks/memory.py [--sizes 5 50 200] [--kinds mixed markdown ...] [--check] [--folder FOLDER]

Each ingest is a process of its own, through `rag.pipeline.ingest`; its peak is what the system counted (ru_maxrss), and
`at rest` what it was before the file was read. The text is put together from the corpora's documents, in their
languages, and from random words. The embedder is a fake whose vectors are as large as the built-in one's: a real one
would take hours, and its weights come on top. `--check` opens the index afterwards, in further processes: `rag check`,
and one search. FOLDER keeps texts and indexes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from rag import Index, Retriever
from rag.datatypes import Embeddings
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest

ROOT = Path(__file__).parents[1]
SOURCES = ("corpora/handbook/documents", "corpora/polyglot")
DIMENSION = 384
SMALL = 10_000  # bytes of each of many files
WORDS = 50_000  # different ones that are drawn
FEW_TOKENS = 4  # token vectors of a chunk: pooling as many as a real one has would take most of the time


class QuickEmbedder(HashEmbedder):
    """Vectors that are drawn by a text's hash: nothing is like anything, but all is of the real size."""

    def __init__(self) -> None:
        super().__init__(dimension=DIMENSION)
        self.name = "quick"
        self.fingerprint = hashlib.sha256(b"quick").hexdigest()

    def embed_query(self, text: str, *, tokens: bool = False) -> Embeddings:
        """Embeddings of one question."""
        return self.embed_texts([text], tokens=tokens)

    def embed_texts(self, texts: Sequence[str], *, tokens: bool = False) -> Embeddings:
        """Embeddings of the texts."""
        drawn = np.empty((len(texts), FEW_TOKENS, DIMENSION), np.float32)
        for place, text in enumerate(texts):
            bits = hashlib.shake_128(text.encode()).digest(FEW_TOKENS * DIMENSION // 8)
            drawn[place] = np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(FEW_TOKENS, DIMENSION)
        drawn = (2 * drawn - 1) / np.float32(DIMENSION**0.5)
        return Embeddings(drawn[:, 0], tuple(drawn) if tokens else ())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=float, nargs="+", default=[5, 50, 200], help="MB (10**6 bytes)")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=["mixed"])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step", choices=list(STEPS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        measure(options.folder, STEPS[options.step])
        return
    steps = ["ingest", *(["check", "search"] if options.check else [])]
    print("| text | MB | step | at rest, MB | peak, MB | more, per byte of the file | seconds |")
    print("|---|---:|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as temporary:
        for kind in options.kinds:
            for size in options.sizes:
                folder = (options.folder or Path(temporary)) / f"{kind}-{size:g}"
                made(folder, kind, round(size * 1e6))
                for step in steps:
                    print(f"| {kind} | {size:g} | {step} | {measured(folder, step, size)} |", flush=True)


def measured(folder: Path, step: str, size: float) -> str:
    """The rest of a row, of a process of its own."""
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder)]
    done = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    more = (done["peak"] - done["rest"]) / (size * 1e6)
    told = f"; {done['said']}" if done["said"] else ""
    return f"{done['rest'] / 1e6:.0f} | {done['peak'] / 1e6:.0f} | {more:.1f} | {done['seconds']:.1f}{told}"


def measure(folder: Path, step: Callable[[Path], str]) -> None:
    """One step in this process, printed as JSON."""
    rest, started = peak(), time.perf_counter()
    said = step(folder)
    print(json.dumps({"rest": rest, "peak": peak(), "seconds": time.perf_counter() - started, "said": said}))


def peak() -> int:
    """Bytes of memory that this process has had at most."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


# ---------------------------------------------------------------- what is measured


def step_ingest(folder: Path) -> str:
    """An ingest of the folder's files; how many chunks."""
    report = ingest([folder / "text"], folder / "index", QuickEmbedder())
    problems = "; ".join(f"{each.state.value}: {each.reason}" for each in report.problems)
    parts = " ".join(f"{stage} {seconds:.0f}" for stage, seconds in report.seconds.items() if stage != "total")
    return problems or f"{report.chunks_total} chunks; {parts}"


def step_check(folder: Path) -> str:
    """All that `rag check --deep` reads."""
    with Index.open(folder / "index") as index:
        return "; ".join(index.check(deep=True))


def step_search(folder: Path) -> str:
    """One search; what its hits were cut from."""
    embedder = QuickEmbedder()
    with Index.open(folder / "index", embedder=embedder) as index:
        hits = Retriever(index, embedder).retrieve("Who ordered the pump, and when was it 12345?", 5)
        return f"{len(hits)} hits"


STEPS: dict[str, Callable[[Path], str]] = {"ingest": step_ingest, "check": step_check, "search": step_search}


# ---------------------------------------------------------------- texts


def made(folder: Path, kind: str, size: int) -> None:
    """A file of about so many bytes in `folder / "text"`, or files of `SMALL` bytes, unless they are there."""
    place = folder / "text"
    if place.exists():
        return
    place.mkdir(parents=True)
    drawn = KINDS[kind](random.Random(0))
    if kind == "files":
        for number in range(size // SMALL):
            written(place / f"{number:07}.txt", drawn, SMALL)
    else:
        written(place / f"{kind}{'.md' if kind == 'markdown' else '.txt'}", drawn, size)


def written(file: Path, drawn: Iterator[str], left: int) -> None:
    with file.open("wb") as out:
        while left > 0:
            left -= out.write(next(drawn).encode())


def paragraphs(generator: random.Random) -> Iterator[str]:
    """Paragraphs of the corpora in any order, each with a few random words, so that hardly any is there twice."""
    texts = [file.read_text(encoding="utf-8") for folder in SOURCES for file in sorted((ROOT / folder).rglob("*.txt"))]
    own = [part for text in texts for part in map(str.strip, text.split("\n\n")) if 40 < len(part) < 3000]
    letters = "etaoinshrdlucmfw"
    words = ["".join(generator.choices(letters, k=generator.randint(3, 11))) for _ in range(WORDS)]
    while True:
        said = " ".join(generator.choices(words, k=generator.randint(5, 60)))
        yield f"{generator.choice(own)} {said.capitalize()} {generator.randint(0, 10**6)}."


def mixed(generator: random.Random) -> Iterator[str]:
    """Plain paragraphs in many languages."""
    return (f"{paragraph}\n\n" for paragraph in paragraphs(generator))


def latin(generator: random.Random) -> Iterator[str]:
    """The same in ASCII, of which a character takes one byte."""
    return (paragraph.encode("ascii", "ignore").decode() for paragraph in mixed(generator))


def emoji(generator: random.Random) -> Iterator[str]:
    """The same with a single character that makes all take four bytes."""
    yield "\U0001f600\n\n"
    yield from latin(generator)


def sections(generator: random.Random) -> Iterator[str]:
    """Markdown: headings of three levels, paragraphs, lists, tables, code."""
    for number, paragraph in enumerate(paragraphs(generator)):
        start = "" if generator.random() < 0.7 else f"{'#' * generator.randint(1, 3)} Section {number}\n\n"
        form = generator.random()
        lines = paragraph.splitlines()
        if form < 0.1:
            yield start + "".join(f"- {line}\n" for line in lines) + "\n"
        elif form < 0.2:
            yield (
                start
                + "| a | b |\n|---|---|\n"
                + "".join(f"| {at} | {line} |\n" for at, line in enumerate(lines))
                + "\n"
            )
        elif form < 0.3:
            yield f"{start}```\n{paragraph}\n```\n\n"
        else:
            yield f"{start}{paragraph}\n\n"


def unbroken(generator: random.Random) -> Iterator[str]:
    """Lines without a blank one: a single paragraph."""
    return ("\n".join(line for line in paragraph.splitlines() if line.strip()) + "\n" for paragraph in mixed(generator))


def line(generator: random.Random) -> Iterator[str]:
    """A single line."""
    return (" ".join(paragraph.split()) + " " for paragraph in mixed(generator))


def table(generator: random.Random) -> Iterator[str]:
    """Rows of values, as in a CSV file."""
    yield "number,name,amount,note\n"
    for number, paragraph in enumerate(paragraphs(generator)):
        note = " ".join(paragraph.split())[:60].replace('"', "'")
        yield f'{number},"{note[:12]}",{generator.randint(0, 10**7) / 100},"{note}"\n'


KINDS: dict[str, Callable[[random.Random], Iterator[str]]] = {
    "mixed": mixed,
    "files": mixed,
    "latin": latin,
    "emoji": emoji,
    "markdown": sections,
    "unbroken": unbroken,
    "line": line,
    "csv": table,
}


if __name__ == "__main__":
    main()
