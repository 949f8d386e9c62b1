"""What parsing in child processes costs: ordinary files read in this process against the sandbox.

    python -m benchmarks.parsing [FILES] [ROUNDS]

HTML, DOCX, PDF and Markdown files in equal parts, of some pages each, are made in memory. Each round reads all of
one kind both ways, one after the other; the ratios are those of the medians, of the wall's time and of the processor's,
which says more where other programs run. Beside it: how long a process takes to start, and, once, a text of 256 MiB that
goes through no pipe.
"""

from __future__ import annotations

import io
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rag.corpus.parsing import InProcess, Parser
from rag.corpus.readers import reader_for
from rag.corpus.sandbox.pool import Sandbox
from rag.datatypes import Document

FILES, ROUNDS = 200, 5
WORDS = [
    "pump",
    "oil",
    "leave",
    "thirty",
    "days",
    "every",
    "week",
    "engineer",
    "valve",
    "pressure",
    "report",
    "figure",
    "table",
    "market",
    "growth",
]

Named = tuple[str, bytes]
Cost = tuple[float, float]


def paragraphs(draw: random.Random, count: int) -> list[str]:
    return [" ".join(draw.choices(WORDS, k=draw.randint(30, 90))).capitalize() + "." for _ in range(count)]


def html(draw: random.Random) -> bytes:
    body = "".join(f"<h2>Part {n}</h2><p>{text}</p>" for n, text in enumerate(paragraphs(draw, 20)))
    rows = "".join(f"<tr><td>{n}</td><td>{n * n}</td></tr>" for n in range(20))
    page = f"<html><head><title>A page</title></head><body><main><h1>A page</h1>{body}<table>{rows}</table></main>"
    return f"{page}</body></html>".encode()


def markdown(draw: random.Random) -> bytes:
    return "\n\n".join(f"## Part {n}\n\n{text}" for n, text in enumerate(paragraphs(draw, 20))).encode()


def docx(draw: random.Random) -> bytes:
    import docx as library

    document, file = library.Document(), io.BytesIO()
    for number, text in enumerate(paragraphs(draw, 20)):
        document.add_heading(f"Part {number}", 2)
        document.add_paragraph(text)
    document.save(file)
    return file.getvalue()


def pdf(draw: random.Random) -> bytes:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    file, styles = io.BytesIO(), getSampleStyleSheet()
    story = [Paragraph(text, styles["Normal"]) for text in paragraphs(draw, 20)]
    SimpleDocTemplate(file).build(story)
    return file.getvalue()


MAKERS: dict[str, Callable[[random.Random], bytes]] = {"html": html, "docx": docx, "pdf": pdf, "md": markdown}


def made(count: int) -> Iterator[Named]:
    draw = random.Random(1)
    for number in range(count):
        suffix = list(MAKERS)[number % len(MAKERS)]
        yield f"{number}.{suffix}", MAKERS[suffix](draw)


def seconds(parser: Parser, files: Sequence[Named]) -> Cost:
    """Seconds of the wall, and of the processor in this process and its children, that reading the files took."""
    started, worked = time.perf_counter(), processor()
    for name, data in files:
        reader = reader_for(name)
        assert reader is not None
        outcome = parser.parse(reader, data, name).outcome
        assert isinstance(outcome, Document), outcome
    return time.perf_counter() - started, processor() - worked


def processor() -> float:
    """Seconds of the processor that this process and its children took so far; of its own alone but on Linux."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    total = time.process_time()
    for child in children.read_text(encoding="ascii").split() if children.exists() else ():
        fields = Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def main() -> None:
    count, rounds = [int(given) for given in sys.argv[1:]] + [FILES, ROUNDS][len(sys.argv) - 1 :]
    files = list(made(count))
    parts = {suffix: [each for each in files if each[0].endswith(suffix)] for suffix in MAKERS}
    here: dict[str, list[Cost]] = {suffix: [] for suffix in MAKERS}
    there: dict[str, list[Cost]] = {suffix: [] for suffix in MAKERS}
    with Sandbox() as sandbox:
        ways: list[tuple[Parser, dict[str, list[Cost]]]] = [(InProcess(), here), (sandbox, there)]
        for parser, _ in ways:
            seconds(parser, files[: len(MAKERS)])  # everything is imported
        for number in range(rounds):
            for suffix, some in parts.items():
                for parser, costs in ways if number % 2 else reversed(ways):
                    costs[suffix].append(seconds(parser, some))
    print(f"{count} files, {sum(len(data) for _, data in files) / 2**20:.1f} MiB, medians of {rounds} rounds")
    for suffix in MAKERS:
        shown(suffix, len(parts[suffix]), here[suffix], there[suffix])
    shown("all", count, *(summed(each.values()) for each in (here, there)))
    print(f"start of a process: {1000 * statistics.median(start() for _ in range(5)):.0f} ms")
    text = [("a.txt", b"A line of an ordinary text.\n" * (2**28 // 28))]
    with Sandbox() as sandbox:
        print(f"256 MiB of text: {seconds(InProcess(), text)[0]:.1f} s here, ", end="")
        print(f"{seconds(sandbox, text)[0]:.1f} s by the sandbox, which hands it to no process")


def summed(rounds: Iterable[list[Cost]]) -> list[Cost]:
    """What all kinds of files took together, round by round."""
    return [(sum(wall for wall, _ in each), sum(worked for _, worked in each)) for each in zip(*rounds, strict=True)]


def shown(name: str, count: int, here: Sequence[Cost], there: Sequence[Cost]) -> None:
    (plain, plain_worked), (boxed, boxed_worked) = (
        tuple(statistics.median(each) for each in zip(*costs, strict=True)) for costs in (here, there)
    )
    print(
        f"{name:5} {count / plain:7.1f} files/s in this process, {count / boxed:7.1f} in the sandbox: "
        f"{boxed / plain:.3f} times as long, {boxed_worked / plain_worked:.3f} times the processor's time"
    )


def start() -> float:
    with Sandbox() as sandbox:
        started = time.perf_counter()
        sandbox.enforced()
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
