"""The tables of an index, and the checksum that their rows carry.

    source ──→ document ←── chunk ──→ embedding ←── token_vectors ──→ codec
                  ↑           │
    document_text ┘           └ row ──→ lexical_entry ──→ lexical_term, lexical_segment, lexical_posting

`crc` is the CRC-32 of the table's name and the row's other values, checked when the row is read: SQLite itself notices
a flipped bit only where it breaks a page. A chunk's `row` is never reused. Its text is not stored: it is a slice of
its document's, which lies in parts of `PART` characters, so that a hit in a long one costs no more than in a short
one. Text is kept as UTF-8 in a BLOB, since SQLite's own string functions stop at a NUL and count no lone
surrogates. Embeddings are found by the hash of what was embedded, so that equal texts are embedded once; one that no
chunk needs any more is kept for a while (`released` is the commit since which it is idle).
"""

from __future__ import annotations

import json
import re
import zlib

APPLICATION = 0x52414731  # "RAG1": tells an index from any other SQLite file
FORMAT = 4
PART = 1 << 16  # characters of a document's text in one row of document_text; its last part has the rest

SCHEMA = (
    "CREATE TABLE manifest (key TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL) STRICT",
    """CREATE TABLE commits (
        number INTEGER PRIMARY KEY, made REAL NOT NULL, documents INTEGER NOT NULL, sources INTEGER NOT NULL,
        chunks INTEGER NOT NULL, dense TEXT NOT NULL, dense_sha256 TEXT NOT NULL, dense_rows INTEGER NOT NULL,
        dense_last INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT""",
    """CREATE TABLE document (
        id TEXT PRIMARY KEY, markup TEXT NOT NULL, title TEXT NOT NULL, pages TEXT NOT NULL, metadata TEXT NOT NULL,
        characters INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT""",
    """CREATE TABLE document_text (
        document TEXT NOT NULL REFERENCES document (id) DEFERRABLE INITIALLY DEFERRED, number INTEGER NOT NULL,
        text BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (document, number)) STRICT""",
    """CREATE TABLE source (
        location TEXT PRIMARY KEY, root TEXT NOT NULL, path TEXT NOT NULL, state TEXT NOT NULL,
        document TEXT REFERENCES document (id) DEFERRABLE INITIALLY DEFERRED,
        digest TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode TEXT NOT NULL,
        reader TEXT NOT NULL, reason TEXT NOT NULL, fix TEXT NOT NULL, stale INTEGER NOT NULL,
        given TEXT NOT NULL, sidecar TEXT NOT NULL, crc INTEGER NOT NULL) STRICT""",
    "CREATE INDEX source_document ON source (document)",
    """CREATE TABLE embedding (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, vector BLOB NOT NULL, crc INTEGER NOT NULL,
        released INTEGER) STRICT""",
    "CREATE INDEX embedding_released ON embedding (released) WHERE released IS NOT NULL",
    "CREATE TABLE codec (number INTEGER PRIMARY KEY, data BLOB NOT NULL, crc INTEGER NOT NULL) STRICT",
    """CREATE TABLE token_vectors (
        embedding INTEGER PRIMARY KEY REFERENCES embedding (id) ON DELETE CASCADE,
        codec INTEGER NOT NULL REFERENCES codec (number), data BLOB NOT NULL, crc INTEGER NOT NULL) STRICT""",
    """CREATE TABLE chunk (
        row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
        document TEXT NOT NULL REFERENCES document (id) DEFERRABLE INITIALLY DEFERRED,
        start INTEGER NOT NULL, stop INTEGER NOT NULL, heading TEXT NOT NULL, table_header TEXT NOT NULL,
        tokens INTEGER NOT NULL, language TEXT NOT NULL,
        embedding INTEGER NOT NULL REFERENCES embedding (id) DEFERRABLE INITIALLY DEFERRED,
        crc INTEGER NOT NULL) STRICT""",
    "CREATE INDEX chunk_document ON chunk (document, start)",
    "CREATE INDEX chunk_embedding ON chunk (embedding)",
    "CREATE INDEX chunk_language ON chunk (language)",
    # What these hold: lexical_postings.py.
    """CREATE TABLE lexical_entry (row INTEGER PRIMARY KEY, terms BLOB NOT NULL, crc INTEGER NOT NULL) STRICT""",
    """CREATE TABLE lexical_term (
        id INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE, chunks INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT""",
    """CREATE TABLE lexical_segment (
        start INTEGER PRIMARY KEY, stop INTEGER NOT NULL, made INTEGER NOT NULL, lengths BLOB NOT NULL,
        crc INTEGER NOT NULL) STRICT""",
    """CREATE TABLE lexical_posting (place INTEGER PRIMARY KEY, rows BLOB NOT NULL, crc INTEGER NOT NULL) STRICT""",
    """CREATE TABLE lexical_size (id INTEGER PRIMARY KEY, terms INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT""",
)


_surrogate = re.compile("[\ud800-\udfff]")


def checksum(table: str, *values: str | int | float | bytes | None) -> int:
    """The CRC-32 of a row's values in their order, each with its length, so that nothing moves between neighbours.

    A flipped bit can turn bytes into the text that they spell, and lead from one table into another whose rows are
    sound: bytes and text give different sums, and so do tables.
    """
    parts = [table.encode()]
    for value in values:
        data, sign = (value, b"=") if isinstance(value, bytes) else (str(value).encode("utf-8", "surrogatepass"), b":")
        parts += (b"%d%s" % (len(data), sign), data)
    return zlib.crc32(b"".join(parts))


def pack(text: str) -> str:
    """Text that SQLite takes: lone surrogates (a file name that is not UTF-8) are escaped as JSON does."""
    if text.startswith('"') or _surrogate.search(text):
        return json.dumps(text)
    return text


def unpack(packed: str) -> str:
    """The text that was packed."""
    if packed.startswith('"'):
        return str(json.loads(packed))
    return packed
