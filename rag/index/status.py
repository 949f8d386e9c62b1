"""What an index is and what it weighs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rag.datatypes import State
from rag.index import dense
from rag.index.chunking import Chunking
from rag.index.manifest import Manifest
from rag.index.records import Commit
from rag.index.rows import Rows

_BYTES = {
    "text": "SELECT sum(length(text)) FROM document_text",
    "vectors": "SELECT sum(length(vector)) FROM embedding",
    "token vectors": "SELECT sum(length(data)) FROM token_vectors",
    "lexical": "SELECT sum(size) FROM (SELECT sum(length(terms)) AS size FROM lexical_entry "
    "UNION ALL SELECT sum(length(rows)) FROM lexical_posting)",
}


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """`sources` counts by state, `left_out` by rule; `bytes` by part, "all files" being the folder's sum.

    `created` and `updated` are seconds since 1970; `updated` is 0 before the first commit. `recall` is the dense
    part's recall@10 against exact search; `token_bytes` is the mean weight of a chunk's token vectors.
    """

    commit: int
    documents: int
    chunks: int
    sources: dict[State, int]
    left_out: dict[str, int]
    bytes: dict[str, int]
    embedder: str
    fingerprint: str
    dimension: int
    chunking: Chunking
    redact: str
    created: float
    updated: float
    dense: str
    recall: float
    codec: str
    token_bytes: float


def of(rows: Rows, commit: Commit, manifest: Manifest, derived: BinaryIO | None) -> IndexStatus:
    """The status at a commit; `derived` is its derived file, None where there is none."""
    sources = rows.all_sources()
    states = Counter(source.state for source in sources)
    rules = Counter(source.left_out for source in sources if source.left_out)
    weights = {part: int(rows.database.all(statement)[0][0] or 0) for part, statement in _BYTES.items()}
    folder = rows.database.file.parent
    kind, recall = dense.described(derived, commit, manifest.dimension)
    stored = int(rows.database.all("SELECT count(*) FROM token_vectors")[0][0])
    return IndexStatus(
        commit=commit.number,
        documents=commit.documents,
        chunks=commit.chunks,
        sources=dict(sorted(states.items())),
        left_out=dict(rules.most_common()),
        bytes={
            **weights,
            "dense": _weight(folder / commit.dense) if commit.dense else 0,
            "all files": weight(folder),
        },
        embedder=manifest.embedder,
        fingerprint=manifest.fingerprint,
        dimension=manifest.dimension,
        chunking=manifest.chunking,
        redact=manifest.redact,
        created=manifest.created,
        updated=commit.made,
        dense=kind,
        recall=recall,
        codec=manifest.codec,
        token_bytes=weights["token vectors"] / stored if stored else 0.0,
    )


def weight(generation: Path) -> int:
    """Bytes of all files of a generation; 0 where a writer has removed it."""
    try:
        return sum(map(_weight, generation.iterdir()))
    except FileNotFoundError:
        return 0


def _weight(file: Path) -> int:
    """Bytes of a file; 0 where a writer has removed it."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
