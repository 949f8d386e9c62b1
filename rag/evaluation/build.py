"""The index of an evaluation set: in the user's cache, made once for a corpus, an embedder and a chunking.

A figure has to come from the code that is here, so a stamp beside the index holds a hash of the modules that read,
split and index: what other code made is made anew, what was interrupted is gone on with.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import rag
from rag.corpus.jsonl import documents
from rag.datatypes import Source, State
from rag.errors import EvaluationError
from rag.evaluation.dataset import CORPUS_FILE, EvaluationSet
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.pipeline import add_documents, ingest
from rag.protocols import Embedder
from rag.reports import Progress

BUILDING, WHOLE = "building", "whole"
CODE = (  # what decides on chunks, terms and stored vectors; folders stand for their modules
    *("corpus", "text", "intake.py", "batches.py"),
    *("index/split.py", "index/pieces.py", "index/late.py", "index/embeddings.py"),
    *("index/lexical.py", "index/lexical_changes.py", "index/lexical_postings.py", "index/schema.py"),
)


def built_index(
    dataset: EvaluationSet, embedder: Embedder, chunking: Chunking, index: Path | None, progress: Progress
) -> Path:
    """The folder of an index that holds the set's corpus; made, or brought up to date, where that is needed.

    Raises EvaluationError for a malformed corpus, IndexMismatch and IndexBusy as the library does.
    """
    if index is not None:
        _build(dataset, index, embedder, chunking, progress)
        return index
    path = cache_folder() / _name(dataset, embedder, chunking)
    stamp, code = path.with_name(f"{path.name}.stamp"), _code()
    found = stamp.read_text(encoding="ascii") if stamp.is_file() and path.is_dir() else ""
    if found == f"{code} {WHOLE}":
        return path
    if found != f"{code} {BUILDING}":
        shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, exist_ok=True)
    stamp.write_text(f"{code} {BUILDING}", encoding="ascii")
    _build(dataset, path, embedder, chunking, progress)
    stamp.write_text(f"{code} {WHOLE}", encoding="ascii")
    return path


def document_names(dataset: EvaluationSet, index: Index) -> dict[str, str]:
    """Location → the name (`_id`) that the judgements use, for the sources that belong to the set."""
    if dataset.corpus_file is not None:
        return {place: place.removeprefix(f"{CORPUS_FILE}#") for place, _ in documents(dataset.corpus_file)}
    front = f"{dataset.documents.resolve().as_posix().rstrip('/')}/"
    locations = (source.location for source in index.all_sources() if source.document is not None)
    return {location: location.removeprefix(front) for location in locations if location.startswith(front)}


def unread_files(dataset: EvaluationSet, index: Index) -> list[str]:
    """The set's files that gave no document, in words: their questions cannot be answered."""
    if dataset.corpus_file is not None:
        return []
    front = f"{dataset.documents.resolve().as_posix().rstrip('/')}/"
    without = [each for each in index.all_sources() if each.document is None and not each.left_out]
    lost = [each for each in without if each.location.startswith(front)]
    return [f"{each.location}: {each.state.value}: {each.reason}" for each in lost]


def cache_folder() -> Path:
    """Where evaluation indexes lie: `rag/evaluation` in the platform's user cache."""
    from platformdirs import user_cache_path

    return user_cache_path("rag", appauthor=False) / "evaluation"


def _build(dataset: EvaluationSet, path: Path, embedder: Embedder, chunking: Chunking, progress: Progress) -> None:
    if dataset.corpus_file is None:
        ingest([dataset.documents], path, embedder, chunking=chunking, progress=progress)
    else:
        _add_lines(dataset.corpus_file, path, embedder, chunking, progress)


def _add_lines(path: Path, index: Path, embedder: Embedder, chunking: Chunking, progress: Progress) -> None:
    """Each line of the corpus as one document."""
    items = [
        (Source("", place, State.INDEXED, document=document.id, digest=document.id), document)
        for place, document in documents(path)
    ]
    if not items:
        raise EvaluationError(f"{path} holds no documents")
    progress.start("ingest", sum(len(document.text) for _, document in items))
    add_documents(items, index, embedder, chunking=chunking, progress=progress)


def _name(dataset: EvaluationSet, embedder: Embedder, chunking: Chunking) -> str:
    """Hash of the corpus (where it lies does not count for `corpus.jsonl`) and of the index settings."""
    sizes = f"{embedder.fingerprint} {chunking.max_tokens} {chunking.context_tokens}"
    digest = hashlib.sha256(sizes.encode())
    for part in _corpus_parts(dataset):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:32]


def _corpus_parts(dataset: EvaluationSet) -> Iterator[bytes]:
    if dataset.corpus_file is not None:
        yield dataset.corpus_file.read_bytes()
        return
    folder = dataset.documents.resolve()
    yield folder.as_posix().encode("utf-8", "surrogatepass")
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        yield path.relative_to(folder).as_posix().encode("utf-8", "surrogatepass")
        with contextlib.suppress(OSError):  # a file that cannot be read is ingest's to report
            yield path.read_bytes()


def _code() -> str:
    """Hash of the modules that make an index."""
    root = Path(rag.__file__).parent
    files = sorted(
        file for name in CODE for file in ([root / name] if name.endswith(".py") else (root / name).rglob("*.py"))
    )
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
