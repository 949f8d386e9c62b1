"""Small documents, and one way to put them into an index."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rag.datatypes import Document, Page, Source, State
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.index.split import split
from rag.index.writer import Writer
from rag.models.fakes import HashEmbedder
from rag.text.context import embedded_text

EMBEDDER = HashEmbedder(dimension=32)
CHUNKING = Chunking(max_tokens=30, context_tokens=10)
_WORDS = [
    "pump",
    "valve",
    "seal",
    "motor",
    "gauge",
    "filter",
    "piston",
    "rotor",
    "sensor",
    "relay",
    "cable",
    "panel",
    "bolt",
    "gear",
    "shaft",
    "hose",
]


def document(number: int, version: int = 0, paragraphs: int = 3) -> Document:
    """A Markdown document of some chunks, in two scripts, with a number and a word of its own in each paragraph."""
    parts = [f"# Machine {number}"]
    for place in range(paragraphs):
        word = _WORDS[(number + 3 * place) % len(_WORDS)]
        parts.append(
            f"## Part {place}\n\nThe {word} kx-{number}-{place} of machine {number} was checked in version {version} "
            f"at {7 * number + place} degrees \U0001f600. 机器{number}的零件{place}状态正常。"
        )
    text = "\n\n".join(parts)
    return Document(
        f"d{number}v{version}",
        text,
        "markdown",
        f"Machine {number}",
        (Page(1, 0, 1), Page(1, 1, len(text), "Sheet!A2:B2")),
    )


def source(number: int, version: int = 0) -> Source:
    """Where `document(number, version)` lies; the location does not depend on the version."""
    return Source(
        "/corpus", f"m{number}.md", State.INDEXED, f"d{number}v{version}", digest=f"{number}-{version}", inode=2**70
    )


def put(writer: Writer, number: int, version: int = 0, paragraphs: int = 3) -> Document:
    """Put a document and its source."""
    made = document(number, version, paragraphs)
    chunks = split(made, EMBEDDER, CHUNKING)
    embeddings = EMBEDDER.embed_texts([embedded_text(chunk) for chunk in chunks], tokens=True)
    writer.put(made, chunks, embeddings)
    writer.put_source(source(number, version))
    return made


def put_text(writer: Writer, text: str) -> None:
    """Put a document "long" of this text, and its source."""
    made = Document("long", text)
    chunks = split(made, EMBEDDER, CHUNKING)
    embeddings = EMBEDDER.embed_texts([embedded_text(chunk) for chunk in chunks], tokens=True)
    writer.put(made, chunks, embeddings)
    writer.put_source(Source("/corpus", "long.txt", State.INDEXED, "long", digest="long"))


def open_writer(path: Path, *, rebuild: bool = False, dense: str = "auto") -> Writer:
    """A writer with the settings of these tests."""
    return Writer.open(path, embedder=EMBEDDER, chunking=CHUNKING, rebuild=rebuild, dense=dense)


def filled(path: Path, numbers: Iterable[int] = range(5)) -> Path:
    """An index of these documents, in one commit."""
    with open_writer(path) as writer:
        for number in numbers:
            put(writer, number)
    return path


def held(path: Path) -> set[str]:
    """The documents that an index holds, after checking that it is sound."""
    with Index.open(path, embedder=EMBEDDER, chunking=CHUNKING) as index:
        assert index.check() == []
        return {found.document for found in index.all_sources() if found.document}


def database_file(path: Path) -> Path:
    """The database of the generation in use."""
    return path / (path / "CURRENT").read_text().strip() / "index.sqlite"


def dense_file(path: Path) -> Path:
    """The derived file of the generation in use."""
    (found,) = database_file(path).parent.glob("dense-*.faiss")
    return found
