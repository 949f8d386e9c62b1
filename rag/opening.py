"""One file read, and the files within it, and those within them: each ends in one state.

An archive is a folder: without a text of its own it is no file itself. What lies in a file is put in as PARTIAL, and
gets its stat when the outermost file has been read to its end: a run that is interrupted reads it again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path, PurePath

from rag.corpus.cleaned import Cleaned, added
from rag.corpus.left_out import within
from rag.corpus.members import DEPTH, REST, WITHIN, Budget, Names, stamped, too_deep
from rag.corpus.parsing import Parser
from rag.corpus.readers import Member, Parsed, Reader, Unread, document_id, reader_by_content, reader_for
from rag.corpus.readers.pictures.ocr_extra import stamp_after
from rag.corpus.redaction import Redactor
from rag.datatypes import LEFT_OUT, Document, Source, State
from rag.record import KEPT_STATES, PARTIAL, Record

Add = Callable[[Document, list[Source], int], None]
Timed = Callable[[str], AbstractContextManager[None]]


class Opening:
    """Reads one file. `add` queues a document with its sources and the bytes that they stand for.

    `redacted` counts the places of documents at which personal data was, `cleaned` what readers left out of them.
    """

    def __init__(self, record: Record, parser: Parser, redactor: Redactor, add: Add, timed: Timed) -> None:
        self.redacted = 0
        self.cleaned: Cleaned = {}
        self._record = record
        self._parser = parser
        self._redactor = redactor
        self._add = add
        self._timed = timed
        self._ended: list[Source] = []
        self._budget = Budget(0)
        self._over: Unread | None = None

    def read(self, source: Source, data: bytes, reader: Reader) -> list[Source]:
        """How the file and those within it ended; empty where it is an ordinary one whose document was added."""
        self._budget = Budget(len(data))
        self._open(source, data, reader, 0)
        return self._ended

    def _open(self, source: Source, data: bytes, reader: Reader, depth: int) -> None:
        source = replace(source, digest=hashlib.sha256(data).hexdigest())
        same = self._record.same_bytes(source)
        reader = reader_by_content(reader, data)
        identity = self._redactor.identity(document_id(data, reader))
        if same:
            self._end(*same)
        elif self._record.holds_alone(identity):
            self._end(self._record.placed(source, identity))
        else:
            with self._timed("read"):
                parsed = self._parser.parse(reader, data, source.path)
            self._take(source, parsed, depth)

    def _take(self, source: Source, parsed: Parsed, depth: int) -> None:
        outcome, is_leaf = parsed.outcome, parsed.members == ()
        read = replace(source, reader=stamp_after(source.reader, outcome))
        if isinstance(outcome, Document):
            outcome, count = self._redactor.redacted(outcome)
            self.redacted += count
            self.cleaned = added(self.cleaned, parsed.cleaned)
            self._put(read, outcome, alone=is_leaf and not depth)
        if is_leaf:
            if isinstance(outcome, Unread):
                self._fail(read, outcome)
            return
        problem, count = self._members(source, parsed.members, depth)
        if self._over and depth:
            return  # the outermost file says so
        if isinstance(outcome, Document):
            if problem:
                rest = replace(source, path=f"{source.path}{WITHIN}{REST}", reader=stamped(source.reader, REST))
                self._end(self._record.unread(replace(rest, digest=""), problem))
                self._end(*self._record.kept_within(source, problem))
        elif problem:
            self._fail(source, problem)
        elif outcome.state is not State.EMPTY:
            self._end(self._record.unread(read, outcome))
        elif not count:
            self._end(self._record.unread(source, Unread(State.EMPTY, "no text, and no files within it")))

    def _put(self, source: Source, document: Document, *, alone: bool) -> None:
        """Add a document, unless it is there."""
        if self._record.holds(document.id):
            self._end(self._record.placed(source, document.id))
            return
        whole = replace(source, state=State.INDEXED, document=document.id)
        self._add(document, [whole if alone else replace(whole, inode=PARTIAL)], source.size if alone else 0)
        if not alone:
            self._end(whole)

    def _members(self, source: Source, members: Iterable[Member], depth: int) -> tuple[Unread | None, int]:
        """Read the files within a file; why not all of them, and how many there were."""
        if depth == DEPTH:
            return too_deep(), 0
        beside = Path(f"{source.location}{WITHIN}")
        if not depth and os.path.isdir(beside):  # noqa: PTH112 (never raises: its name may be too long for a file)
            reason = f"the folder {beside.name} beside it has the name of what lies within it"
            return Unread(State.FAILED, reason, "rename that folder"), 0
        names, count = Names(), 0
        for member in self._each(members):
            if member.problem and not member.name:
                return member.problem, count
            self._over = self._budget.take(len(member.data))
            name = names.given(self._redactor.named(member.name))
            shut, rule = within(name)
            if shut and not self._over:
                self._leave_out(source, shut, rule)
            elif not self._over:
                self._member(source, name, member, depth + 1)
                count += 1
            if self._over:
                return self._over, count
        return None, count

    def _each(self, members: Iterable[Member]) -> Iterator[Member]:
        """The members, the time that they take to come counted."""
        waiting = iter(members)
        while True:
            with self._timed("read"):
                member = next(waiting, None)
            if member is None:
                return
            yield member

    def _member(self, outer: Source, name: str, member: Member, depth: int) -> None:
        reader = reader_for(name)
        source = replace(outer, path=f"{outer.path}{WITHIN}{name}", reader=stamped(outer.reader, name), digest="")
        if member.problem:
            self._fail(source, member.problem)
        elif reader is None:
            self._fail(source, no_reader(name))
        else:
            self._open(source, member.data, reader, depth)

    def _leave_out(self, outer: Source, name: str, rule: str) -> None:
        """Say once that a file or folder within a file is left out."""
        path, reader = f"{outer.path}{WITHIN}{name}", stamped(outer.reader, name)
        source = replace(outer, path=path, reader=reader, digest="", state=State.SKIPPED, reason=LEFT_OUT + rule)
        if source.location not in self._record.outcomes:
            self._end(source)

    def _fail(self, source: Source, outcome: Unread) -> None:
        self._end(self._record.unread(source, outcome), *self._record.kept_within(source, outcome))

    def _end(self, *sources: Source) -> None:
        for source in sources:
            if source.state not in KEPT_STATES:
                source = self._quiet(source)
            self._record.note(source)
            self._ended.append(source)

    def _quiet(self, source: Source) -> Source:
        """The source, whose reason may quote what its file holds, without personal data in it."""
        return replace(source, reason=self._redactor.cleaned(source.reason), fix=self._redactor.cleaned(source.fix))


def no_reader(name: str) -> Unread:
    """The outcome of a file that no reader is for."""
    return Unread(State.UNSUPPORTED, f"no reader for {PurePath(name).suffix or 'files without a suffix'}")
