"""A per-character replacement table → the byte form that `tokenizers.normalizers.Precompiled` reads.

That form is SentencePiece's: the size of a double-array trie in bytes (uint32), the trie (uint32 units, the layout
of darts-clone), then the replacements, each ended by a zero byte. A key's value is the offset of its replacement.

A unit of the trie: bits 0-7 the label by which it was reached, bit 8 "a key ends here", bit 9 "the offset is in
units of 256", bits 10-30 the offset. A node's children lie at `(position ^ offset) ^ label`; where a key ends, the
child of label 0 holds its value, marked by bit 31.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

_LEAF = 1 << 8
_VALUE = 1 << 31
_BLOCK = 256
_WINDOW = 4 * _BLOCK  # units at the end in which a place is looked for; earlier gaps stay empty

Node = dict[int, "Node | int"]  # label byte → child; label 0 → the value


def compile_charsmap(replacements: Mapping[str, str]) -> bytes:
    """The compiled table. Raises ValueError for an empty key, or a zero character in a key or a replacement."""
    texts = bytearray()
    root: Node = {}
    for key, replacement in sorted(replacements.items()):
        if not key or "\0" in key + replacement:
            raise ValueError(f"cannot map {key!r} to {replacement!r}")
        _insert(root, key.encode(), len(texts))
        texts += replacement.encode() + b"\0"
    units = _DoubleArray().build(root)
    return struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + bytes(texts)


def _insert(root: Node, key: bytes, value: int) -> None:
    node = root
    for byte in key:
        child = node.setdefault(byte, {})
        assert isinstance(child, dict)
        node = child
    node[0] = value


class _DoubleArray:
    """Places a trie's nodes first fit; no two nodes share a base, so a label alone proves its parent."""

    def __init__(self) -> None:
        self.units: list[int] = []
        self.free: dict[int, None] = {}  # places not taken, in order; those before the window are given up
        self.bases: set[int] = {0}
        self._grow()
        self._take(0)

    def build(self, root: Node) -> list[int]:
        """The units of the whole trie; its root is unit 0."""
        pending = [(0, root)]
        while pending:
            position, node = pending.pop()
            base = self._free_base(position, list(node))
            self.bases.add(base)
            self.units[position] |= _encoded_offset(position ^ base)
            for label, child in node.items():
                place = base ^ label
                self._take(place)
                if isinstance(child, int):
                    self.units[position] |= _LEAF
                    self.units[place] = _VALUE | child
                else:
                    self.units[place] = label
                    pending.append((place, child))
        return self.units

    def _free_base(self, position: int, labels: list[int]) -> int:
        """A base whose children's places are all free and whose distance from `position` can be written."""
        while True:
            for place in self.free:
                base = place ^ labels[0]
                if (
                    base not in self.bases
                    and all(base ^ label in self.free for label in labels)
                    and _encodable(position ^ base)
                ):
                    return base
            self._grow()

    def _take(self, place: int) -> None:
        del self.free[place]

    def _grow(self) -> None:
        start = len(self.units)
        self.units += [0] * _BLOCK
        self.free = {place: None for place in self.free if place >= start - _WINDOW}
        self.free.update(dict.fromkeys(range(start, start + _BLOCK)))


def _encodable(offset: int) -> bool:
    return offset < 1 << 21 or (offset & 0xFF == 0 and offset < 1 << 29)


def _encoded_offset(offset: int) -> int:
    return offset << 10 if offset < 1 << 21 else offset << 2 | 1 << 9
