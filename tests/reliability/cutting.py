"""Cuts the power at a moment of a recorded program, and looks at what is left of its index."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from random import Random

from rag.errors import IndexMissing, RagError
from rag.index import folder, lock
from rag.index.index import Index
from tests.index.samples import CHUNKING, EMBEDDER, open_writer, put
from tests.reliability.disk import Disk
from tests.reliability.recording import Open, Operation, Said, Sync

INDEX = Path("made") / "index"
LOUD = ("next", "done", "beside", "kept")
_ADDED = 500
_WRONG = (AssertionError, RagError, OSError, sqlite3.Error, LookupError, ValueError)
Documents = frozenset[str]


@dataclass(slots=True)
class Promise:
    """What may be found at a moment: None is no index, the others are what the documents of one may be.

    `beside` is what a rebuild goes on from while one is acknowledged and not published, `begun` what one ever may.
    """

    states: list[Documents | None] = field(default_factory=lambda: [None])
    beside: list[Documents] = field(default_factory=list)
    begun: set[Documents] = field(default_factory=lambda: {frozenset()})

    def hear(self, line: str) -> None:
        """A line of the program's standard output."""
        word, _, rest = line.partition(" ")
        if word not in LOUD:
            return
        documents = frozenset(json.loads(rest))
        if word in ("next", "done"):
            self.states = [*(self.states if word == "next" else []), documents]
            self.beside = []
            return
        self.begun.add(documents)
        if word == "kept" or self.beside:
            self.beside = [*(self.beside if word == "beside" else []), documents]


def moments(operations: Sequence[Operation], *, all_of_them: bool) -> list[int]:
    """Before which operations the power is cut; the end is one.

    What can be lost only grows until something is synced or promised, so that a cut just before that stands for all
    since the last: one in between can leave nothing that this one cannot.
    """
    if all_of_them:
        idle = (number for number, did in enumerate(operations) if not isinstance(did, Open) or did.create or did.empty)
        return [*idle, len(operations)]
    return [
        *(
            number
            for number, did in enumerate(operations)
            if isinstance(did, Sync) or (isinstance(did, Said) and did.line.startswith(LOUD))
        ),
        len(operations),
    ]


def violations(operations: Sequence[Operation], cuts: Iterable[tuple[int, str]], scratch: Path) -> Iterator[str]:
    """For each cut, a moment and a seed, in the order of their moments: a sentence where a promise is broken."""
    disk, promise, done = Disk(), Promise(), 0
    seen: set[str] = set()
    for moment, seed in cuts:
        for operation in operations[done:moment]:
            disk.apply(operation)
            if isinstance(operation, Said):
                promise.hear(operation.line)
        done = moment
        found = scratch / "found"
        disk.lose_power(found, f"{moment} {seed}")
        if (remains := digest(found, promise)) in seen:
            shutil.rmtree(found)
            continue
        seen.add(remains)
        spoil_shared_memory(found, Random(f"{moment} {seed}"))
        wrong = what_is_wrong(found / INDEX, promise)
        shutil.rmtree(found)
        if wrong:
            before = f" before {str(operations[moment])[:200]}" if moment < len(operations) else ""
            yield f"cut at {moment} with seed {seed!r}{before}: {wrong}"


def left_behind(operations: Sequence[Operation]) -> list[str]:
    """What is in the index's folder, at the moments that a step is acknowledged, and that no commit names."""
    disk = Disk()
    found: list[str] = []
    for number, operation in enumerate(operations):
        disk.apply(operation)
        if isinstance(operation, Said) and operation.line.startswith("done "):
            names = disk.names(PurePosixPath(INDEX.as_posix()))
            generations = [name for name in names if name.startswith("gen-")]
            extra = names - {folder.CURRENT, folder.QUARANTINE, lock.NAME, *generations[:1]}
            found.extend(f"{name} is left at {number}, {operation.line}" for name in extra)
    return found


def digest(found: Path, promise: Promise) -> str:
    """Equal where the remains and what is promised of them are."""
    whole = hashlib.sha256(repr((promise.states, promise.beside, sorted(map(sorted, promise.begun)))).encode())
    for file in sorted(found.rglob("*")):
        data = b"" if file.is_dir() or file.name == lock.NAME or _is_shared_memory(file) else file.read_bytes()
        whole.update(f"{file.relative_to(found)} {file.is_dir()} {len(data)} ".encode() + data)
    return whole.hexdigest()


def spoil_shared_memory(found: Path, generator: Random) -> None:
    """SQLite's -shm is memory that happens to have a name: after a power loss it is missing or holds anything."""
    for file in filter(_is_shared_memory, list(found.rglob("*"))):
        if generator.random() < 0.5:
            file.unlink()
        else:
            file.write_bytes(generator.randbytes(32768))


def _is_shared_memory(file: Path) -> bool:
    return file.name.endswith("-shm")


def what_is_wrong(path: Path, promise: Promise) -> str:
    """In a sentence; "" where all is well."""
    try:
        require(path, promise)
    except _WRONG as error:
        return f"{type(error).__name__}: {error}"
    return ""


def require(path: Path, promise: Promise) -> None:
    """The index holds what was promised and takes more, or can be made where it was never acknowledged."""
    state = look(path)
    assert state in promise.states, f"it holds {shown(state)}, and not one of {[*map(shown, promise.states)]}"
    rebuilding = path.with_name("rebuilding")
    if path.exists() and (promise.beside or folder.unpublished(path)):
        shutil.copytree(path, rebuilding)
    with open_writer(path) as writer:
        put(writer, _ADDED)
    added = {f"d{_ADDED}v0"}
    assert held(path) == (state or frozenset()) | added, "the next commit is not added to the last"
    require_tidy(path)
    if rebuilding.exists():
        require_rebuild(rebuilding, promise.begun if not promise.beside or state in promise.beside else promise.beside)


def require_rebuild(path: Path, wanted: Collection[Documents]) -> None:
    """A rebuild can be made; where it goes on from what is there, that is sound and was committed once."""
    with open_writer(path, rebuild=True) as writer:
        put(writer, _ADDED)
    documents = held(path) - {f"d{_ADDED}v0"}
    assert documents in wanted, f"a rebuild goes on from {shown(documents)}, and not one of {[*map(shown, wanted)]}"
    require_tidy(path)


def require_tidy(path: Path) -> None:
    """Nothing is left that no commit names."""
    generation = folder.current(path)
    here = {entry.name for entry in path.iterdir()} - {folder.QUARANTINE}
    assert here == {generation.name, folder.CURRENT, lock.NAME}
    ours = ("index.sqlite", "KEEP", "COPY")
    files = {entry.name for entry in generation.iterdir() if not entry.name.startswith(ours)}
    assert len(files) == 1, f"the generation holds {files}"


def look(path: Path) -> Documents | None:
    """The documents of a sound index, None where there is none."""
    try:
        return held(path)
    except IndexMissing:
        return None


def held(path: Path) -> Documents:
    """The documents of an index, which is sound."""
    with Index.open(path, embedder=EMBEDDER, chunking=CHUNKING) as index:
        assert not (problems := index.check()), problems
        return frozenset(found.document for found in index.all_sources() if found.document)


def shown(documents: Documents | None) -> str:
    """For a message."""
    return "no index" if documents is None else f"{{{', '.join(sorted(documents))}}}"
