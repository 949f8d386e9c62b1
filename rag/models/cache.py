"""Where converted models lie, and whether they are what was put there.

<cache>/multilingual-e5-small-1/       the hub's layout, and
    rag.json                           entry, revision, size and SHA-256 of every file
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from rag.errors import ModelError
from rag.models.catalogue import CATALOGUE, Entry

RECORD = "rag.json"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a converted folder: its POSIX path there, bytes, SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Record:
    """What `rag.json` says. `source_sha256` is that of the file that was converted."""

    name: str
    revision: int
    source_sha256: str
    files: tuple[StoredFile, ...]


def cache_dir() -> Path:
    """The folder of the converted models: `RAG_MODELS`, or `rag/models` in the platform's user cache."""
    chosen = os.environ.get("RAG_MODELS")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("rag", appauthor=False) / "models"


def locate(name: str) -> Path | None:
    """The folder of a built-in model; None where it was not pulled yet. Raises ModelError where it is damaged."""
    folder = cache_dir() / CATALOGUE[name].folder
    if not folder.is_dir():
        return None
    wrong = damage(folder)
    if wrong:
        raise ModelError(f"The cached {name} is damaged: {wrong[0]}. Fetch it again with: rag models pull {name}")
    return folder


def damage(folder: Path, *, hashes: bool = False) -> list[str]:
    """What is wrong with a converted folder: files missing or of another size (or, with `hashes`, other bytes)."""
    try:
        record = read_record(folder)
    except ModelError as problem:
        return [str(problem)]
    wrong = []
    for file in record.files:
        path = folder / file.path
        size = path.stat().st_size if path.is_file() else -1
        if size < 0:
            wrong.append(f"{path} is missing")
        elif size != file.size:
            wrong.append(f"{path} has {size} bytes instead of {file.size}")
        elif hashes and sha256(path) != file.sha256:
            wrong.append(f"{path} does not hold the bytes that were written")
    return wrong


def read_record(folder: Path) -> Record:
    """The folder's `rag.json`. Raises ModelError where there is none, or it cannot be read."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        files = tuple(StoredFile(**file) for file in content.pop("files"))
        return Record(**content, files=files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ModelError(f"{folder / RECORD} cannot be read ({problem})") from problem


def write_record(folder: Path, entry: Entry) -> None:
    """Write `rag.json` over all files that lie in the folder now."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
    files = tuple(StoredFile(path.relative_to(folder).as_posix(), path.stat().st_size, sha256(path)) for path in paths)
    record = Record(entry.name, entry.revision, entry.member_sha256, files)
    (folder / RECORD).write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
