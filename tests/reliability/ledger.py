"""A folder whose every change is under control, a model of its index, and what both must agree on."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rag.datatypes import Embeddings
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.index.writer import Writer
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest
from rag.reports import IngestReport
from tests.index.samples import database_file

CHUNKING = Chunking(max_tokens=30, context_tokens=10)
COUNTED = ("indexed", "unchanged", "empty", "duplicate", "failed", "skipped")
GARBAGE = bytes(range(256)) * 4
_EPOCHS = (10**9, 4 * 10**18, 1_600_000_000 * 10**9)  # 1970, 2096, 2020, in nanoseconds


class OnceEmbedder(HashEmbedder):
    """Counts the texts it embeds, and refuses one that it has embedded already."""

    def __init__(self) -> None:
        super().__init__(dimension=32)
        self.seen: set[str] = set()
        self.count = 0

    def embed_texts(self, texts: Sequence[str], *, tokens: bool = False) -> Embeddings:
        assert self.seen.isdisjoint(texts), "embedded twice"
        self.seen.update(texts)
        self.count += len(texts)
        return super().embed_texts(texts, tokens=tokens)


@dataclass(frozen=True, slots=True)
class Known:
    """What an index knows of a file: the stat it saw, and the bytes whose text it holds (None where it holds none)."""

    stat: tuple[int, int, int]
    held: bytes | None


class Ledger:
    """The folder `docs`, its index, and the model: `files` as they are, `known` as the index should know them."""

    def __init__(self, path: Path) -> None:
        self.docs, self.index = path.resolve() / "docs", path.resolve() / "index"
        (self.docs / "sub").mkdir(parents=True)
        self.files: dict[str, bytes] = {}
        self.known: dict[str, Known] = {}
        self.embedder = OnceEmbedder()
        self.commit = 0
        self._changes = 0

    # ------------------------------------------------------------ changes of the folder

    def write(self, name: str, content: bytes) -> None:
        """A file, new or in place of another, with a time that no file had before."""
        (self.docs / name).write_bytes(content)
        self.files[name] = content
        self.touch(name)

    def touch(self, name: str) -> None:
        """Another time, in one of three centuries."""
        self._changes += 1
        time = _EPOCHS[self._changes % 3] + self._changes * 10**9 + 1
        os.utime(self.docs / name, ns=(time, time))

    def rewrite(self, name: str, content: bytes, *, replaced: bool) -> None:
        """Other bytes with the old time; as another file in its place, or in the file itself."""
        path = self.docs / name
        time = path.stat().st_mtime_ns
        target = path.with_name(".beside") if replaced else path
        target.write_bytes(content)
        os.utime(target, ns=(time, time))
        target.replace(path)
        self.files[name] = content

    def rename(self, name: str, other: str) -> None:
        """The file under another name."""
        (self.docs / name).rename(self.docs / other)
        self.files[other] = self.files.pop(name)

    def delete(self, name: str) -> None:
        """The file is gone."""
        (self.docs / name).unlink()
        del self.files[name]

    # ------------------------------------------------------------ changes of the index

    def ingest(self, root: str = "", *, verify: bool = False, rebuild: bool = False) -> None:
        """Ingest the folder, or one in it; then once more, which must change nothing."""
        if rebuild:
            self._afresh()
        report = self._ingested(root, verify=verify, rebuild=rebuild)
        self._expect(root, verify=verify)
        self._counted(report, root)
        self.agree()
        before, count = dump(self.index), self.embedder.count
        again = self._ingested(root, verify=verify)
        assert self.embedder.count == count
        assert dump(self.index) == before
        assert (again.commit, again.chunks_added, again.chunks_removed) == (report.commit, 0, 0)
        self._counted(again, root)
        assert again.files["indexed"] == again.files["removed"] == 0

    def ingest_alone(self) -> None:
        """Ingest the folder, with no opinion of what comes of it."""
        self._ingested("", verify=False)

    def rebuild(self) -> None:
        """Everything that the index holds embedded anew, without a look at the files."""
        self._afresh()
        ingest([], self.index, self.embedder, chunking=CHUNKING, rebuild=True)
        self.agree()

    def remove(self, name: str) -> None:
        """Take a source out, as `rag rm` does."""
        with Index.open(self.index) as index:
            built = index.manifest
        with Writer.open(self.index, embedder=built, chunking=built.chunking) as writer:
            writer.remove_source((self.docs / name).as_posix())
            writer.commit()
        self.known.pop(name, None)
        self.agree()

    def _afresh(self) -> None:
        self.embedder.seen.clear()

    def _ingested(self, root: str, *, verify: bool, rebuild: bool = False) -> IngestReport:
        return ingest(
            [self.docs / root], self.index, self.embedder, chunking=CHUNKING, verify=verify, rebuild=rebuild, prune=True
        )

    # ------------------------------------------------------------ the model

    def _expect(self, root: str, *, verify: bool) -> None:
        """What the index knows after an ingest: every file but those whose stat hides their change."""
        inside = [name for name in self.files if name.startswith(root)]
        for name in [name for name in self.known if name.startswith(root) and name not in self.files]:
            del self.known[name]
        for name in inside:
            status, known = (self.docs / name).stat(), self.known.get(name)
            stat = (status.st_size, status.st_mtime_ns, status.st_ino)
            if known is None or verify or known.stat != stat:
                self.known[name] = Known(stat, _held(self.files[name], known))

    def _counted(self, report: IngestReport, root: str) -> None:
        files = report.files
        assert files["seen"] == sum(files[state] for state in COUNTED)
        assert files["seen"] == sum(name.startswith(root) for name in self.files)
        assert report.commit >= self.commit
        self.commit = report.commit

    def agree(self) -> None:
        """The index holds what the model says, every text byte for byte, and nothing else."""
        with Index.open(self.index, embedder=self.embedder, chunking=CHUNKING) as index:
            assert index.check() == []
            sources = index.all_sources()
            assert {source.location for source in sources} == {(self.docs / name).as_posix() for name in self.known}
            held = {source.location: source.document for source in sources if source.document}
            texts = {name: known.held for name, known in self.known.items() if known.held is not None}
            assert {Path(place).relative_to(self.docs).as_posix() for place in held} == set(texts)
            for name, content in texts.items():
                assert index.text(held[(self.docs / name).as_posix()]).encode() == content
            assert index.status().documents == len(set(held.values())) == len({*_identities(texts)})
            _sliced(index, set(held.values()))


def _held(content: bytes, known: Known | None) -> bytes | None:
    """The text that the index has of a file: of one that cannot be read the last that could."""
    if content == GARBAGE:
        return known.held if known else None
    return content if content.strip() else None


def _identities(texts: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Equal bytes are one document if the same reader reads them."""
    return ((Path(name).suffix, content) for name, content in texts.items())


def _sliced(index: Index, documents: set[str]) -> None:
    """Every chunk is a slice of its document, none is there twice."""
    rows = [row for document in documents for row in index.rows_of(document)]
    chunks = index.chunks(rows)
    assert len({chunk.id for chunk in chunks}) == len(set(rows)) == index.status().chunks
    for chunk in chunks:
        assert index.text(chunk.document)[chunk.start : chunk.end] == chunk.text


def dump(path: Path) -> str:
    """All rows of all tables, as SQL."""
    uri = f"{database_file(path).absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        return "\n".join(connection.iterdump())
