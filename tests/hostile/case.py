"""A hostile file: its path, which says what it is, how it is made, and the states in which it may end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rag.datatypes import State

CANARY = "CANARY-OUTSIDE"
"""Stands in a file outside of the root; in an index it would prove that something was read which must not be."""
SECRET = "../outside/secret.txt"
"""Where that file lies, from the root."""

REFUSED = frozenset(
    {
        *(State.FAILED, State.UNSUPPORTED, State.TOO_LARGE, State.UNDECODABLE, State.ENCRYPTED),
        *(State.NEEDS_OCR, State.NEEDS_EXTRA, State.EMPTY),
    }
)
"""What gives no text, for whatever reason."""
ANY = REFUSED | {State.INDEXED, State.DUPLICATE}
"""What may give its text too: the rest of a damaged file, or text that looks odd."""
READ = frozenset({State.INDEXED})
"""Odd, and not to be lost."""
SKIPPED = frozenset({State.SKIPPED})
"""No file to read."""


@dataclass(frozen=True, slots=True)
class Case:
    """`make` writes it below the folder it is given; OSError where this system cannot have such a file."""

    path: str
    states: frozenset[State]
    make: Callable[[Path], None]


def of(path: str, states: frozenset[State], data: Callable[[], bytes] | bytes) -> Case:
    """A file of these bytes."""

    def make(root: Path) -> None:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data if isinstance(data, bytes) else data())

    return Case(path, states, make)
