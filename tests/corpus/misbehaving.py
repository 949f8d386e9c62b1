"""Readers that do what a hostile file may make a parser do; loaded in child processes by tests alone."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rag.corpus.readers.reader import Aid, Content, Member, Reader, Unread
from rag.datatypes import Page, State

LIBC = ctypes.CDLL(None, use_errno=True)
ANSWERS = 4  # the descriptor that answers go to is the second that is opened


def _said(result: object) -> Content:
    return Content(f"it was possible: {result}")


def _ordinary(data: bytes, path: str) -> Content | Unread:
    return Content(
        data.decode(), "markdown", "A title", (Page(1, 0, 1, "line 1", State.NEEDS_OCR),), (("author", "李"),)
    )


def _abort(data: bytes, path: str) -> Content | Unread:
    os.abort()


def _segfault(data: bytes, path: str) -> Content | Unread:
    return _said(ctypes.string_at(0))


def _exits(data: bytes, path: str) -> Content | Unread:
    sys.exit(3)


def _loops(data: bytes, path: str) -> Content | Unread:
    while True:
        pass


def _sleeps(data: bytes, path: str) -> Content | Unread:
    time.sleep(3600)
    return _said("sleep")


def _deaf(data: bytes, path: str) -> Content | Unread:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):
        signal.signal(number, signal.SIG_IGN)
    return _loops(data, path)


def _eats(data: bytes, path: str) -> Content | Unread:
    eaten = []
    while True:
        eaten.append(bytearray(16 * 2**20))


def _raises(data: bytes, path: str) -> Content | Unread:
    raise KeyError("no such\nthing")


def _recurses(data: bytes, path: str) -> Content | Unread:
    return _recurses(data, path)


def _prints(data: bytes, path: str) -> Content | Unread:
    print("x" * 100_000)
    os.write(1, b"noise")
    print("noise", file=sys.stderr)
    return Content("printed")


def _notes(data: bytes, path: str) -> Content | Unread:
    logging.getLogger("rag.corpus.readers").warning("%s: %s", path, data.decode())
    logging.getLogger("rag").debug("not this")
    return Content("noted")


def _reads_input(data: bytes, path: str) -> Content | Unread:
    return Content(f"read {sys.stdin.read()!r} and {os.read(0, 10)!r}")


def _garbage(data: bytes, path: str) -> Content | Unread:
    while True:
        os.write(ANSWERS, b"garbage ")


def _lies(data: bytes, path: str) -> Content | Unread:
    """Sends the frame that the file holds, in place of an answer."""
    header, _, rest = data.partition(b"\n")
    for each, blob in ((header, rest), (b"{}", b"")):
        os.write(ANSWERS, len(each).to_bytes(4, "big") + len(blob).to_bytes(8, "big") + each + blob)
    time.sleep(3600)
    return _said("lie")


def _huge(data: bytes, path: str) -> Content | Unread:
    return Content("x" * (300 * 2**20))


def _many_pages(data: bytes, path: str) -> Content | Unread:
    return Content("x", pages=tuple(Page(n + 1, 0, 1, "a long label of a place" * 20) for n in range(100_000)))


def _tries(attempt: Callable[[str], object]) -> Callable[[bytes, str], Content | Unread]:
    """What came of an attempt, with the file's content for an argument."""

    def parse(data: bytes, path: str) -> Content | Unread:
        try:
            return _said(attempt(data.decode()))
        except OSError as error:
            return Content(f"refused: {error.strerror}")

    return parse


def _native(call: Callable[[str], int]) -> Callable[[bytes, str], Content | Unread]:
    """The same for a call past Python."""

    def attempt(argument: str) -> int:
        result = call(argument)
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    return _tries(attempt)


def _environment(data: bytes, path: str) -> Content | Unread:
    return Content(repr(sorted(os.environ)))


def _descriptors(data: bytes, path: str) -> Content | Unread:
    found = []
    for number in range(64):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(number)
    return Content(repr(found))


def _modules(data: bytes, path: str) -> Content | Unread:
    return Content(" ".join(sorted(sys.modules)))


def _process(data: bytes, path: str) -> Content | Unread:
    return Content(str(os.getpid()))


_LEFT: list[bytearray] = []


def _leaves(data: bytes, path: str) -> Content | Unread:
    """Works in a fresh process alone."""
    if _LEFT:
        os.abort()
    _LEFT.append(bytearray(1))
    return Content(str(os.getpid()))


def _members(data: bytes, path: str) -> Content | Unread:
    """One file within for each line, named and holding what stands there; "!abort" and the like do it instead."""

    def each() -> Iterator[Member]:
        for line in data.decode().splitlines():
            match line:
                case "!abort":
                    os.abort()
                case "!loop":
                    _loops(data, path)
                case "!raise":
                    raise ValueError("damaged")
                case "!unread":
                    yield Member("", problem=Unread(State.FAILED, "damaged from here on"))
                case "!large":
                    yield Member("large.txt", bytes(300 * 2**20))
                case "!encrypted":
                    yield Member("locked.txt", problem=Unread(State.ENCRYPTED, "needs a password"))
                case _:
                    name, _, text = line.partition("=")
                    yield Member(name, text.encode())

    return Content("", members=each())


def _paged(data: bytes, path: str, aid: Aid) -> Content | Unread:
    """A page for each line, which holds it; "!abort" and the like do it instead, "!end" belongs to no page."""
    text, pages = "", []
    lines = data.decode().splitlines()
    for number, line in enumerate(lines, 1):
        state = aid.begin(0 if line == "!end" else number, len(lines))
        said = "" if state else line
        if said in DEEDS:
            DEEDS[said](aid, number)
        pages.append(Page(number, len(text), len(text) + len(said), "", state))
        text += said
    return Content(text, pages=tuple(pages)) if text else Unread(State.EMPTY, "no text")


def _burn(aid: Aid, page: int) -> None:
    until = time.process_time() + 0.5
    while time.process_time() < until:
        pass


def _many(aid: Aid, page: int, pause: float = 0.0) -> None:
    while True:
        aid.begin(page, 0)
        time.sleep(pause)


def _damaged(aid: Aid, page: int) -> None:
    raise ValueError("damaged")


DEEDS: dict[str, Callable[[Aid, int], object]] = {
    "!abort": lambda _aid, _page: os.abort(),
    "!end": lambda _aid, _page: os.abort(),
    "!hang": lambda _aid, _page: time.sleep(3600),
    "!sleep": lambda _aid, _page: time.sleep(0.5),
    "!eat": lambda _aid, _page: _eats(b"", ""),
    "!endless": lambda aid, page: _many(aid, page, 0.01),
    "!many": _many,
    "!burn": _burn,
    "!raise": _damaged,
}


def _slow_scan(data: bytes, path: str, aid: Aid) -> Content | Unread:
    """A PDF whose pages take half a second each to be recognised; one that shows nothing but paper takes for ever."""
    from rag.corpus.readers.pdf.pdf import parse_pdf
    from rag.corpus.readers.pdf.scan import Look, Picture
    from rag.corpus.readers.pictures.ocr_places import Placed

    def look(picture: Picture) -> Look:
        time.sleep(0.5 if picture.pixels.min() < 50 else 3600)
        return Look([Placed("Seen.", "at the top")])

    return parse_pdf(data, path, aid, look)


def _told(data: bytes, path: str, aid: Aid) -> Content | Unread:
    return Content(f"passwords: {', '.join(aid.passwords)}")


PARSERS: dict[str, Callable[[bytes, str], Content | Unread]] = {
    "ordinary": _ordinary,
    "abort": _abort,
    "segfault": _segfault,
    "exits": _exits,
    "loops": _loops,
    "sleeps": _sleeps,
    "deaf": _deaf,
    "eats": _eats,
    "raises": _raises,
    "recurses": _recurses,
    "prints": _prints,
    "notes": _notes,
    "input": _reads_input,
    "garbage": _garbage,
    "lies": _lies,
    "huge": _huge,
    "pages": _many_pages,
    "environment": _environment,
    "descriptors": _descriptors,
    "modules": _modules,
    "process": _process,
    "leaves": _leaves,
    "members": _members,
    "socket": _tries(lambda _: socket.socket()),
    "resolve": _tries(lambda host: socket.getaddrinfo(host, 80)),
    "open": _tries(lambda path: Path(path).read_text()),
    "write": _tries(lambda path: Path(path).write_text("written")),
    "list": _tries(os.listdir),
    "delete": _tries(os.unlink),
    "run": _tries(lambda command: subprocess.run([command], check=False)),
    "fork": _tries(lambda _: os.fork()),
    "kill": _tries(lambda process: os.kill(int(process), 0)),
    "native-socket": _native(lambda _: LIBC.socket(2, 1, 0)),
    "native-open": _native(lambda path: LIBC.open(path.encode(), os.O_RDONLY)),
    "native-write": _native(lambda path: LIBC.open(path.encode(), os.O_WRONLY | os.O_CREAT, 0o600)),
    "native-unlink": _native(lambda path: LIBC.unlink(path.encode())),
    "native-chmod": _native(lambda path: LIBC.chmod(path.encode(), 0o777)),
    "native-fork": _native(lambda _: LIBC.fork()),
    "native-kill": _native(lambda process: LIBC.kill(int(process), 0)),
    "native-exec": _native(lambda path: LIBC.execv(path.encode(), None)),
}
READERS = {f".{name}": Reader(name, "1", parse) for name, parse in PARSERS.items()}
READERS[".paged"] = Reader("paged", "1", _paged, aided=True)
READERS[".scan"] = Reader("scan", "1", _slow_scan, aided=True)
READERS[".told"] = Reader("told", "1", _told, aided=True)
