"""What a run says of itself: how far it is, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rag.datatypes import Source


class Progress(Protocol):
    """What shows long work. Units are whatever `start` counted: files' bytes, of a rebuild the texts' characters."""

    def start(self, stage: str, total: int) -> None:
        """A stage begins, with this many units to do."""

    def advance(self, units: int) -> None:
        """So many more are done."""

    def note(self, what: str) -> None:
        """What is being done just now, such as a page of a long file."""

    def finish(self) -> None:
        """The stage is over."""


class NoProgress:
    """Shows nothing."""

    def start(self, stage: str, total: int) -> None:
        """Nothing."""

    def advance(self, units: int) -> None:
        """Nothing."""

    def note(self, what: str) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Where a document of this run lies, where one that says nearly the same, and how much of the shorter it shares."""

    source: str
    like: str
    share: float


@dataclass(frozen=True, slots=True)
class IngestReport:
    """How a run ended. `files` folds the states; `seconds` are by stage, and "total" those of the whole run.

    `left_out` counts by rule those of the skipped that are no problem: hidden files, what a `.ragignore` names; a
    folder is one, with all that it holds. `redacted` counts the places at which personal data was taken out, `cleaned`
    by kind (`rag.corpus.cleaned`) what the readers left out of the documents that were read in this run.
    `near_duplicates` are documents of this run, each with the one that is most like it. The seconds of "embed" are what
    the run waited for the embedder, which works while files are read.
    """

    index: Path
    commit: int
    files: dict[str, int]
    pages: dict[str, int]
    chunks_added: int
    chunks_removed: int
    chunks_total: int
    left_out: dict[str, int]
    redacted: int
    cleaned: Mapping[str, int]
    problems: tuple[Source, ...]
    tokens: int
    seconds: dict[str, float]
    near_duplicates: tuple[NearDuplicate, ...] = ()
