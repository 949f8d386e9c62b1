"""A small index with everything in it: several commits, deleted rows, codes, a tail, segments, idle embeddings.

commits 1 to 4   a derived file with codes, then some more rows and some fewer, and the log folded into the database
commits 5 to 7   in the log alone, as a writer leaves them that is killed; with commit 5 another derived file
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from rag.datatypes import Document, Page, Source, State
from rag.index import dense, dense_build, lexical_changes
from rag.index.index import Index
from rag.index.split import split
from rag.index.writer import Writer
from rag.text.context import embedded_text
from tests.index.samples import CHUNKING, EMBEDDER, document, open_writer, source
from tests.reliability.asking import Answers, ask

_ENGLISH = (
    "The inspection of this unit took place as planned and nothing unusual was found. Part kx-{0}-9 was "
    "replaced by the technician, who noted a pressure of {0} bar and an unheardof sound."
)
_CHINESE = "本机器的检查按计划进行，没有发现异常情况。技术人员更换了第{0}号零件，并记录了压力。"
_MONTHS = ("2024-04-30", "2024-05-02", "2024-06-01")


def make_small() -> None:
    """For the rest of this process: what belongs to large indexes is there in small ones, and no clock is asked."""
    lexical_changes.GRAIN, lexical_changes.LARGEST, lexical_changes.PAGE = 8, 32, 48
    dense_build.EXACT_LIMIT, dense_build.STEPS, dense_build.RECALL_LEAST, dense.EFFORT_PER_HIT = 12, ((1, 24),), 0.0, 1
    dense.tail_limit = lambda base: 16
    ticks = count(1_700_000_000)
    time.time = lambda: float(next(ticks))


def varied(number: int, version: int = 0) -> Document:
    """A document with pages and, by its number, with metadata and mostly in one language."""
    made = document(number, version, paragraphs=1)
    text = f"{made.text}\n\n## Report\n\n{(_CHINESE if number % 3 == 1 else _ENGLISH).format(number)}"
    metadata = (("department", "finance" if number % 2 else "sales"), ("date", _MONTHS[number % 3]))
    pages = (Page(1, 0, 30), Page(2, 30, len(text)))
    return replace(made, text=text, pages=pages, metadata=metadata if number % 4 else ())


def placed(number: int, version: int = 0) -> Source:
    """Where it lies, with what its user said."""
    given = (("owner", "wong"),) if number % 5 == 0 else ()
    return replace(source(number, version), given=given, reader="text/1", mtime_ns=10**18 * (1 + number % 2))


def step(writer: Writer, number: int, first: int = 0) -> None:
    """What the commit of this number changes; documents are numbered from `first` on."""
    if number == 1:
        for each in range(1, 13):
            put_varied(writer, first + each)
        writer.put_source(replace(placed(first + 2), path="copies/of/m2.md"))
        writer.put_source(Source("/corpus", "a.pdf", State.ENCRYPTED, reason="needs a password", fix="remove it"))
    elif number in (2, 5):
        writer.remove_source(placed(first + number + 2).location)
        put_varied(writer, first + 13 + number)
    elif number in (3, 6):
        put_varied(writer, first + number + 3, version=1)
    else:
        writer.put_source(replace(placed(first + number + 4), size=number))
        writer.put_source(Source("/corpus", f"late-{number}.bin", State.UNSUPPORTED, reason="of no kind"))


def put_varied(writer: Writer, number: int, version: int = 0) -> None:
    """Put `varied(number, version)` and its source."""
    made = varied(number, version)
    chunks = split(made, EMBEDDER, CHUNKING)
    texts = [embedded_text(chunk) for chunk in chunks]
    writer.put(made, chunks, EMBEDDER.embed_texts(texts, tokens=True))
    writer.put_source(placed(number, version))


@dataclass(frozen=True, slots=True)
class Sound:
    """An index as files, by their names in its folder, and what it answers about some documents and rows.

    `commits` are the answers at each commit, 0 being the empty index; those of the last one are right.
    """

    files: dict[str, bytes]
    commits: list[Answers]
    documents: list[str]
    rows: list[int]


def built(path: Path, first: int = 0) -> None:
    """Make the index of all commits at `path`, with the last of them in the log, and copies of it on the way.

    Beside it are `path`-N, the index as it was right after commit N, its log included.
    """
    for numbers in ((0, 1, 2, 3, 4), (5, 6, 7)):
        with open_writer(path) as writer:
            for number in numbers:
                if number:
                    step(writer, number, first)
                writer.commit()
                shutil.copytree(path, path.with_name(f"{path.name}-{number}"))


def sound(path: Path) -> Sound:
    """The index at `path` as it is."""
    files = {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
    with Index.open(path) as index:
        documents = sorted({each.document for each in index.all_sources() if each.document})
        rows = sorted(row for name in documents for row in index.rows_of(name))
        last = index.commit
    name = path.name.partition("-")[0]
    earlier = [path.with_name(f"{name}-{number}") for number in range(last)]
    return Sound(files, [ask(each, documents, rows)[0] for each in (*earlier, path)], documents, rows)
