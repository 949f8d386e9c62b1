"""Which generation of the index a writer fills: the one in use, a new one, or a rebuild that was interrupted."""

from __future__ import annotations

import re
import time
from contextlib import closing
from pathlib import Path

from rag.errors import IndexDamaged, RagError, shell_quoted
from rag.index import atomic, folder
from rag.index.chunking import Chunking
from rag.index.database import Database, explained, open_reader, open_writer
from rag.index.late import BITS, POOL
from rag.index.manifest import Manifest
from rag.index.rows import Rows
from rag.index.schema import checksum, pack
from rag.protocols import Fingerprinted

_KINDS = re.compile("[a-z,]*")


def open_current(path: Path, embedder: Fingerprinted, chunking: Chunking | None, redact: str | None = None) -> Database:
    """The generation in use, made where there is none. Raises IndexMismatch where it is not what is wanted."""
    if not folder.exists(path):
        require_not_lost(path)
        database = _made(path, embedder, chunking or Chunking(), redact or "")
        try:
            with explained(path):
                folder.publish(database.file.parent)
        except RagError:
            database.close()
            raise
        return database
    database = open_writer(folder.current(path) / folder.DATABASE)
    try:
        rows = Rows(database)
        manifest = rows.manifest()
        manifest.require(path, embedder=embedder, chunking=chunking, redact=redact)
        _note(path, manifest.redact)  # an index that was restored has none
        # The next commit counts what there is: rows that are lost would be lost for good.
        rows.require_counts(rows.commit())
    except RagError:
        database.close()
        raise
    return database


def open_rebuild(path: Path, embedder: Fingerprinted, chunking: Chunking | None, redact: str | None = None) -> Database:
    """A generation beside the one in use: that of an interrupted rebuild with the same settings, else a new one.

    What is taken out of its documents is what was taken out of those of the one in use, which it is filled from. Raises
    IndexMismatch for anything else.
    """
    kept, chunking = _redacted(path, redact), chunking or Chunking()
    for generation in folder.interrupted(path):
        try:
            database = open_writer(generation / folder.DATABASE)
        except RagError:
            continue
        try:
            Rows(database).manifest().require(path, embedder=embedder, chunking=chunking, redact=kept)
        except RagError:
            database.close()
        else:
            return database
    return _made(path, embedder, chunking, kept)


def _redacted(path: Path, redact: str | None) -> str:
    """What is taken out of the documents of the generation in use; where that cannot be read, what is noted beside it.

    Raises IndexDamaged where the note is damaged too: what was taken out would come back.
    """
    try:
        manifest = _manifest(folder.current(path))
    except RagError as error:
        noted = _noted(path) if redact is None else redact
        if not _KINDS.fullmatch(noted):
            raise IndexDamaged(
                f"{error} Nor can it be read which personal data was taken out of its documents. Say so with the "
                f"rebuild: rag ingest FOLDER --rebuild --redact all {folder.flag(path)}, or the kinds that were taken "
                f"out, or none"
            ) from error
        return noted
    manifest.require(path, redact=redact)
    return manifest.redact


def _noted(path: Path) -> str:
    """What is noted beside the generations; "" where nothing is taken out."""
    try:
        return (path / folder.REDACT).read_bytes()[:200].decode("ascii", "replace").strip() or "damaged?"
    except FileNotFoundError:
        return ""
    except OSError:
        return "damaged?"


def _note(path: Path, redact: str) -> None:
    """Note what is taken out where no damage of a database reaches it."""
    if redact and _noted(path) != redact:
        with explained(path):
            atomic.write(path / folder.REDACT, f"{redact}\n".encode())


def _manifest(generation: Path) -> Manifest:
    with closing(open_reader(generation / folder.DATABASE)) as database:
        return Rows(database).manifest()


def require_not_lost(path: Path) -> None:
    """Raise IndexDamaged where there is an index, and only the file that names its generation is missing."""
    for generation in folder.generations(path) if path.is_dir() and not folder.exists(path) else []:
        if number := _last_commit(generation):
            raise IndexDamaged(
                f"{path / folder.CURRENT} is missing, and {generation.name} holds commit {number} of an index, which "
                f"would be lost. Let it be found again with: "
                f"echo {generation.name} > {shell_quoted(str(path / folder.CURRENT))}"
            )


def newest_commit(path: Path) -> int:
    """The number of the last commit of the generation in use; 0 where it cannot be read."""
    try:
        return _last_commit(folder.current(path))
    except RagError:
        return 0


def _last_commit(generation: Path) -> int:
    """The number of a generation's last commit; 0 where it has none, or cannot be read."""
    try:
        with closing(open_reader(generation / folder.DATABASE)) as database:
            return Rows(database).commit().number
    except RagError:
        return 0


def _made(path: Path, embedder: Fingerprinted, chunking: Chunking, redact: str) -> Database:
    """A new generation, durable; SQLite syncs the folder itself for the names of its files."""
    _note(path, redact)
    generation = folder.following(path)
    with explained(generation):
        atomic.make_folder(generation)
    try:
        with explained(generation):
            # Before the manifest is there, without which no rebuild goes on from it.
            atomic.sync_folder(path)
        database = open_writer(generation / folder.DATABASE, create=True)
        try:
            _describe(database, embedder, chunking, redact)
        except RagError:
            database.close()
            raise
    except RagError:
        atomic.discard(generation)
        raise
    return database


def _describe(database: Database, embedder: Fingerprinted, chunking: Chunking, redact: str) -> None:
    """Write the manifest of a new generation."""
    codec = f"{BITS}-bit, pooled by {POOL:g}"
    manifest = Manifest.of(embedder, chunking, codec=codec, created=time.time(), redact=redact)
    values = [(key, pack(value)) for key, value in manifest.values().items()]
    database.all("BEGIN IMMEDIATE")
    database.many("INSERT INTO manifest VALUES (?, ?, ?)", [(*value, checksum("manifest", *value)) for value in values])
    database.all("COMMIT")
