"""A disk under power loss, as POSIX allows it to be and no worse.

    applied operations ─→ what was synced + a random part of the rest ─→ a folder as it is found after the power is back

Data: what was written to a file since its last fsync may each be there, be lost, or be torn: some of its sectors, or
its first bytes. Bytes outside a write are never harmed (SQLite's "powersafe overwrite"). A later write to the same
place stays the later one: a page that both changed is written out as it is then, so that "reordered" is the same as
"some of them lost". The size is a fact of its own: it may be that of the last fsync, the last one, or between; what
is in the file then and was not written is zeros or anything.

Names: each entry made, replaced or removed in a folder since that folder's last fsync is there or not, whatever the
others are, and whatever is known of the file: a rename may be durable before the data of the file (ext4 with delayed
allocation, XFS), or be lost with the data durable. A rename is one step, and from one folder into another it is that
for both. File systems with a journal keep the order of these steps; POSIX does not ask for it.

fsync of a file makes its data and its size durable, and not its name: ext4 and XFS happen to do that for a new file,
POSIX does not say so. fsync of a folder makes its entries durable, and not what they name.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any

from tests.reliability.recording import MakeFolder, Open, Operation, Remove, Rename, Resize, Said, Sync, Write

SECTOR = 512


@dataclass(slots=True, eq=False)
class File:
    """`now` is what a running program reads, `durable` what the last fsync left; `pending` lies between."""

    now: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    pending: list[Write | Resize] = field(default_factory=list)

    def change(self, operation: Write | Resize) -> None:
        """Write or resize."""
        self.pending.append(operation)
        _change(self.now, operation)

    def sync(self) -> None:
        """All of it is durable."""
        self.durable = bytes(self.now)
        self.pending.clear()


@dataclass(slots=True, eq=False)
class Change:
    """Names, with what they name after it or None; the `twin` is the other half of a move to another folder."""

    names: Mapping[str, Node | None]
    twin: tuple[Folder, Change] | None = None


@dataclass(slots=True, eq=False)
class Folder:
    """As File, with names in place of data."""

    now: dict[str, Node] = field(default_factory=dict)
    durable: dict[str, Node] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)

    def change(self, names: Mapping[str, Node | None]) -> Change:
        """Make, replace or remove entries in one step."""
        self.pending.append(change := Change(names))
        _rename(self.now, names)
        return change

    def sync(self) -> None:
        """All names are durable, and the other halves of moves."""
        self.durable = dict(self.now)
        twins = [change.twin for change in self.pending if change.twin]
        self.pending.clear()
        for folder, change in twins:
            folder.pending.remove(change)
            _rename(folder.durable, change.names)


Node = File | Folder


class Disk:
    """Starts with one empty folder, which is durable."""

    def __init__(self) -> None:
        self.root = Folder()
        self._opened: dict[int, Node] = {}

    def apply(self, operation: Operation) -> None:
        """Do what the program asked for."""
        match operation:
            case Open():
                self._open(operation)
            case Write() | Resize():
                self._file(operation.handle).change(operation)
            case Sync():
                self._opened[operation.handle].sync()
            case Rename():
                self._rename(operation)
            case Remove():
                self._folder(operation.path.parent).change({operation.path.name: None})
            case MakeFolder():
                self._folder(operation.path.parent).change({operation.path.name: Folder()})
            case Said():
                pass

    def lose_power(self, target: Path, seed: str) -> None:
        """Make `target` the folder that is found afterwards; the same for the same seed."""
        _spill(self.root, target, Random(seed), {})

    def names(self, path: PurePosixPath) -> set[str]:
        """What a running program finds in a folder."""
        return set(self._folder(path).now)

    def _open(self, operation: Open) -> None:
        if operation.path == PurePosixPath():
            self._opened[operation.handle] = self.root
            return
        folder = self._folder(operation.path.parent)
        if operation.path.name not in folder.now:
            if not operation.create:
                raise FileNotFoundError(operation.path)
            folder.change({operation.path.name: File()})
        node = self._opened[operation.handle] = folder.now[operation.path.name]
        if operation.empty and isinstance(node, File) and node.now:
            node.change(Resize(operation.handle, 0))

    def _rename(self, operation: Rename) -> None:
        old, new = self._folder(operation.old.parent), self._folder(operation.new.parent)
        node = old.now[operation.old.name]
        if old is new:
            old.change({operation.old.name: None, operation.new.name: node})
            return
        gone, come = old.change({operation.old.name: None}), new.change({operation.new.name: node})
        gone.twin, come.twin = (new, come), (old, gone)

    def _file(self, handle: int) -> File:
        node = self._opened[handle]
        assert isinstance(node, File)
        return node

    def _folder(self, path: PurePosixPath) -> Folder:
        node: Node = self.root
        for name in path.parts:
            assert isinstance(node, Folder)
            node = node.now[name]
        assert isinstance(node, Folder)
        return node


def _spill(folder: Folder, target: Path, generator: Random, moved: dict[Change, bool]) -> None:
    """Write out what is left of a folder and of all below it; `moved` are the halves of moves that are decided on."""
    names = dict(folder.durable)
    left = set(survivors(folder.pending, generator))
    for change in folder.pending:
        if change.twin:
            moved[change.twin[1]] = moved.setdefault(change, change in left)
        if moved.get(change, change in left):
            _rename(names, change.names)
    target.mkdir()
    for name, node in names.items():
        if isinstance(node, Folder):
            _spill(node, target / name, generator, moved)
        else:
            (target / name).write_bytes(left_of(node, generator))


def survivors(pending: Sequence[Any], generator: Random) -> list[Any]:
    """What is there of all that was not synced: the first of it, the last thing only, or any.

    All subsets are possible; those that show a fault in the order of two steps come often.
    """
    way = generator.random()
    if way < 0.25:
        return list(pending[: generator.randint(0, len(pending))])
    if way < 0.4:
        return list(pending[-1:])
    share = generator.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    return [one for one in pending if generator.random() < share]


def left_of(file: File, generator: Random) -> bytes:
    """What is left of a file's data."""
    content = bytearray(file.durable)
    if not file.pending:
        return bytes(content)
    torn, noise = generator.choice((0.0, 0.0, 0.2, 0.8)), generator if generator.random() < 0.5 else None
    for operation in survivors(file.pending, generator):
        for part in _parts(operation, generator) if generator.random() < torn else [operation]:
            _change(content, part, noise)
    if generator.random() < 0.3:
        least, most = sorted((len(file.durable), len(file.now)))
        _change(content, Resize(0, generator.choice((least, most, generator.randint(least, most)))), noise)
    return bytes(content)


def _parts(operation: Write | Resize, generator: Random) -> list[Write | Resize]:
    """The parts of a torn write that reached the disk."""
    if isinstance(operation, Resize):
        return [operation]
    data, offset = operation.data, operation.offset
    if generator.random() < 0.3:
        return [Write(0, offset, data[: generator.randrange(len(data) + 1)])]
    bounds = [0, *range(SECTOR - offset % SECTOR, len(data), SECTOR), len(data)]
    spans = itertools.pairwise(bounds)
    return [Write(0, offset + start, data[start:end]) for start, end in spans if generator.random() < 0.5]


def _change(content: bytearray, operation: Write | Resize, noise: Random | None = None) -> None:
    if isinstance(operation, Resize):
        _fill(content, operation.size, noise)
        del content[operation.size :]
        return
    _fill(content, operation.offset, noise)
    content[operation.offset : operation.offset + len(operation.data)] = operation.data


def _fill(content: bytearray, size: int, noise: Random | None) -> None:
    missing = max(0, size - len(content))
    content.extend(noise.randbytes(missing) if noise else bytes(missing))


def _rename(names: dict[str, Node], change: Mapping[str, Node | None]) -> None:
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node
