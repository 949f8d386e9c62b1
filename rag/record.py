"""What is known of files: how each ended in earlier runs and in this one, which document lies where."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rag.corpus.members import WITHIN, containers, stamped
from rag.corpus.readers import Unread
from rag.corpus.readers.pictures.ocr_extra import is_same
from rag.datatypes import Metadata, Source, State

UNSURE = -1  # in place of the inode of a file that has to be read again, whatever its stat
PARTIAL = -2  # the same for one in a file that has not been read to its end
TICK_NS, COARSE_TICK_NS = 20_000_000, 2_000_000_000  # of the clocks that stamp files; where they stamp whole seconds

KEPT_STATES = {State.INDEXED, State.UNCHANGED, State.DUPLICATE}  # a file in one of these has a document


class Record:
    """The sources that an index knows, and what became of them in this run.

    A file within another has the size, time and inode of the outermost: these tell whether any of it changed.
    With `unlocking` those that were encrypted, and what they lie in, are read again in any case.
    """

    def __init__(
        self,
        known: dict[str, Source],
        has_document: Callable[[str], bool],
        given: Metadata | None = None,
        *,
        unlocking: bool = False,
    ) -> None:
        self.known = known
        self.outcomes: dict[str, Source] = {}
        self._has_document = has_document
        self._given = given
        self._unlocking = unlocking
        self._holders = {source.document: location for location, source in known.items() if source.document is not None}
        self._inside = _inside(known)

    def forget(self, known: dict[str, Source]) -> None:
        """Take these as known, and nothing as done yet."""
        self.outcomes.clear()
        self.known = known
        self._inside = _inside(known)

    def note(self, source: Source) -> None:
        """How a file ended in this run."""
        if source.document is not None and self._holder(source.document) is None:
            self._holders[source.document] = source.location
        self.outcomes[source.location] = source
        for outer in containers(source.location):
            self._inside[outer].setdefault(source.location)

    # ------------------------------------------------------------ the same file as before

    def given(self, location: str) -> Metadata:
        """What the user says of a file in this run, else what was said of it before."""
        if self._given is not None:
            return self._given
        family = self._family(location)
        return family[0].given if family else ()

    def untouched(self, source: Source) -> list[Source]:
        """How a file and those within it end where its stat alone decides; empty where it has to be read."""
        now = (source.size, source.mtime_ns, source.inode)
        family = self._family(source.location)
        if any((each.size, each.mtime_ns, each.inode) != now for each in family) or not self._stands(family, source):
            return []
        return [_again(each, source) for each in family]

    def same_bytes(self, source: Source) -> list[Source]:
        """The same where its bytes decide, by the source's digest."""
        known = self.known.get(source.location)
        if known is None or known.digest != source.digest:
            return []
        family = self._family(source.location)
        if any(each.inode == PARTIAL for each in family) or not self._stands(family, source):
            return []
        if (known.inode, known.mtime_ns) == (UNSURE, source.mtime_ns) and not _is_coarse(source.mtime_ns):
            # Else a second run would change the index. Of whole seconds it may, once: they are all unsure at first.
            source = replace(source, inode=UNSURE)
        return [_again(each, source) for each in family]

    def _stands(self, family: list[Source], source: Source) -> bool:
        """Whether reading a file and those within it, whose bytes are the same, would give nothing new."""
        locked = self._unlocking and any(each.state is State.ENCRYPTED for each in family)
        return not locked and _same_readers(family, source)

    def _family(self, location: str) -> list[Source]:
        """What is known of a file, and of those within it."""
        known = self.known.get(location)
        return [*([known] if known else []), *self._within(location)]

    def _within(self, location: str) -> Iterator[Source]:
        return (self.known[each] for each in self._inside.get(location, ()) if each in self.known)

    # ------------------------------------------------------------ where documents lie

    def holds(self, document: str) -> bool:
        """Whether the document is there, or waits to be."""
        return self._holder(document) is not None or self._has_document(document)

    def holds_alone(self, document: str) -> bool:
        """Whether it is there, and its file is known to have no files within it."""
        holder = self._holder(document)
        if holder is None or self._inside.get(holder):
            return False
        return (self.outcomes.get(holder) or self.known[holder]).inode != PARTIAL

    def placed(self, source: Source, document: str) -> Source:
        """The source of a document that the index has: a duplicate, or the file under its new name."""
        holder = self._holder(document)
        if holder is not None and holder != source.location:
            if holder in self.outcomes or self._may_exist(holder):
                return replace(source, state=State.DUPLICATE, document=document, reason=f"same content as {holder}")
            source = replace(source, given=self.given(holder))
        return replace(source, state=State.INDEXED, document=document)

    def _holder(self, document: str) -> str | None:
        """Where the document lies; None where that file has become another one in this run."""
        location = self._holders.get(document, "")
        source = self.outcomes.get(location) or self.known.get(location)
        return location if source is not None and source.document == document else None

    def _may_exist(self, location: str) -> bool:
        """Whether there is such a file, as far as this user can see; one within another that is as it was."""
        try:
            outer = (path for path in map(Path, containers(location)) if path.is_file())
            changed = self.known[location].mtime_ns
            return Path(location).exists() or any(path.stat().st_mtime_ns == changed for path in outer)
        except OSError:  # it lies where we may not look
            return True

    # ------------------------------------------------------------ what fails

    def unread(self, source: Source, outcome: Unread) -> Source:
        """How a file ended that gave no document."""
        return self.kept(replace(source, state=outcome.state, reason=outcome.reason, fix=outcome.fix))

    def kept(self, source: Source) -> Source:
        """The same outcome; a file that worked before keeps its last good version, marked stale."""
        known = self.known.get(source.location)
        if source.state is State.EMPTY or known is None or known.document is None:
            return source
        given = self.given(source.location)
        return replace(source, document=known.document, stale=True, given=given, sidecar=known.sidecar)

    def kept_within(self, source: Source, outcome: Unread) -> list[Source]:
        """So are the files within one that cannot be read, or not to its end: how those end that were not met again."""
        if outcome.state is State.EMPTY:
            return []
        missed = [each for each in self._within(source.location) if each.location not in self.outcomes]
        failed = replace(source, state=outcome.state, reason=outcome.reason, fix=outcome.fix, digest="")
        return [
            self.kept(replace(failed, root=each.root, path=each.path, reader=each.reader))
            for each in missed
            if each.document is not None and not os.path.isfile(each.location)  # noqa: PTH113 (never raises)
        ]


def read_again(known: dict[str, Source], removed: Sequence[str]) -> list[Source]:
    """Those that lay in one file with what was removed, so that the next run reads it again and brings that back."""
    inside = _inside([*known, *removed])
    outer = {next(containers(location), "") for location in removed} & inside.keys()
    kept = {each for location in outer for each in (location, *inside[location]) if each in known}
    return [replace(known[location], inode=PARTIAL) for location in sorted(kept)]


def is_fresh(mtime_ns: int) -> bool:
    """Whether a file changed so short a time ago that its next change may get the same time."""
    tick = COARSE_TICK_NS if _is_coarse(mtime_ns) else TICK_NS
    return abs(time.time_ns() - mtime_ns) < tick


def _is_coarse(mtime_ns: int) -> bool:
    """Whether a file's time looks like that of a file system which stamps whole seconds."""
    return mtime_ns % 1_000_000_000 == 0


def _inside(known: Iterable[str]) -> defaultdict[str, dict[str, None]]:
    """Of each file with files within it, at any depth, their locations in order."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for location in known:
        for outer in containers(location):
            found[outer].setdefault(location)
    return found


def _same_readers(family: list[Source], source: Source) -> bool:
    """Whether a file and those within it would be read by the readers that read them."""
    start = len(source.location) + len(WITHIN)
    names = [(each, each.location[start:]) for each in family]
    return all(is_same(each.reader, stamped(source.reader, name) if name else source.reader) for each, name in names)


def _again(known: Source, now: Source) -> Source:
    """How an untouched file ends: unchanged where it has its document, else as it ended before."""
    again = replace(known, size=now.size, mtime_ns=now.mtime_ns, inode=now.inode, given=now.given, sidecar=now.sidecar)
    return replace(again, state=State.UNCHANGED) if known.state in KEPT_STATES else again
