"""The seam between the intake and the readers: who runs a parser, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rag.corpus.readers import Aid, Parsed, Reader


class Parser(Protocol):
    """Bytes of a file → what it gives. `rag.corpus.sandbox.pool.Sandbox` is the one that `ingest` uses."""

    def parse(self, reader: Reader, data: bytes, path: str) -> Parsed:
        """What `reader` makes of the file; raises nothing for what the bytes hold.

        The members are to be read to their end before the parser is done with the file; others may be parsed meanwhile.
        """


class InProcess:
    """Parses right here: for files that one trusts, and for tests. A crash of a parser is one of the whole process.

    `passwords` open encrypted files.
    """

    def __init__(self, passwords: Sequence[str] = ()) -> None:
        self._aid = Aid(tuple(passwords))

    def parse(self, reader: Reader, data: bytes, path: str) -> Parsed:
        """What the reader makes of the file."""
        return reader.open(data, path, self._aid)
