"""The structure of JSON text as blocks with exact offsets, whether it is laid out in lines or is a single one.

A key that holds an object or an array is a heading, unless that stands in an array: what an array holds are records,
and one record is not taken apart. Records and the scalars of an object are blocks, small ones together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.text.markdown import Block, Line

LEAST = 80
"""Characters of a block of several small values."""
DEEPEST = 64
"""Levels that are told apart; what is deeper belongs to the last of them."""

_TOKEN = re.compile(r'"((?:[^"\\\r\n]|\\.)*+)"?|[{}\[\],:]')
_LONGEST_KEY = 200
_REST = re.compile(r'(?:[^"\\\r\n]|\\.)*+"?')
_Stack = tuple[str, ...]


class Json:
    """The blocks of one text's windows; remembers how deep in the structure a window began."""

    def __init__(self) -> None:
        self.open: dict[int, tuple[_Stack, int]] = {}
        self.in_string: set[int] = set()

    def __call__(self, text: str, start: int = 0, end: int | None = None, _opening: Sequence[Line] = ()) -> list[Block]:
        end = len(text) if end is None else end
        stack, deeper = self.open.get(start, ((), 0))
        scan = _Scan(text, start, list(stack), deeper)
        cut = scan.to(end, _REST.match(text, start, end).end() if start in self.in_string else start)  # type: ignore[union-attr]
        self.open = {start: (stack, deeper), **scan.open}
        self.in_string = {*(self.in_string & {start}), *({end} if cut else ())}
        return scan.found


class _Scan:
    """One way through a window. `stack` holds the brackets that are open, outermost first."""

    def __init__(self, text: str, start: int, stack: list[str], deeper: int) -> None:
        self.text = text
        self.stack = stack
        self.deeper = deeper
        self.first = start
        self.began = (tuple(stack), deeper)  # what was open at `first`
        self.found: list[Block] = []
        self.open: dict[int, tuple[_Stack, int]] = {}
        self.ended = False  # whether a section has ended, and what comes next stands outside it
        self.key = ""
        self.key_start = -1
        self.colon = False

    def to(self, end: int, begin: int) -> bool:
        """Read the blocks up to `end`, the brackets from `begin` on; whether a string is cut there."""
        cut = False
        for match in _TOKEN.finditer(self.text, begin, end):
            cut = match.end() == end and match[0] == f'"{match[1]}'
            mark, before = match[0][0], self.first
            if mark == '"':
                if not self.colon:
                    self.key, self.key_start = match[1], match.start()
            elif mark == ":":
                self.colon = True
            else:
                self.bracket(mark, match.start(), match.end())
                self.key, self.key_start, self.colon = "", -1, False
            if self.first != before:
                self.began = (tuple(self.stack), self.deeper)
        self.close(end)
        self.open[end] = (tuple(self.stack), self.deeper)
        return cut

    def bracket(self, mark: str, start: int, end: int) -> None:
        """What a bracket or comma means; the key and colon before it, if any, have been read."""
        member = self.colon and self.key_start >= self.first and self.in_objects()
        if mark in "{[":
            if member:
                self.heading(end, self.key)
            self.push(mark)
            return
        if member and self.ended:
            self.heading(start if mark in "}]" else end, "")
        if mark in "}]":
            self.pop(mark)
        elif self.ended or self.boundary(end):
            self.close(end)

    def in_objects(self) -> bool:
        return not self.deeper and "[" not in self.stack

    def push(self, mark: str) -> None:
        if len(self.stack) < DEEPEST:
            self.stack.append(mark)
        else:
            self.deeper += 1

    def pop(self, mark: str) -> None:
        if self.deeper:
            self.deeper -= 1
        elif self.stack and self.stack[-1] == ("{" if mark == "}" else "["):
            self.stack.pop()
            self.ended = self.ended or self.in_objects()

    def boundary(self, at: int) -> bool:
        """Whether a block may end behind a comma here: not within a record."""
        records = self.stack.index("[") + 1 if "[" in self.stack else len(self.stack)
        return not self.deeper and len(self.stack) <= records and at - self.first >= LEAST

    def heading(self, end: int, title: str) -> None:
        """The member whose key has been read, to `end`, begins a section; without a title it ends those before it."""
        start = self.key_start
        self.close(start)
        self.add(Block("heading", start, end, (start, end), level=max(len(self.stack), 1), title=_shown(title)))
        self.open[start] = (tuple(self.stack), self.deeper)
        self.first = end
        self.ended = False

    def close(self, end: int) -> None:
        """Put away the block that has been read up to `end`."""
        content = self.text[self.first : end]
        bare = content.strip()
        if bare:
            start = self.first + len(content) - len(content.lstrip())
            self.add(Block("code", start, start + len(bare), (start, start + len(bare))))
        self.first = end

    def add(self, block: Block) -> None:
        self.found.append(block)
        self.open[block.start] = self.began


def _shown(key: str) -> str:
    return " ".join(key[:_LONGEST_KEY].split())
