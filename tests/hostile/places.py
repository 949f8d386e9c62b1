"""Names and kinds of files: what a file system can hold beside files with a name and a length."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rag.datatypes import State
from tests.hostile.case import ANY, READ, SECRET, SKIPPED, Case

TEXT = "A text whose file has an odd name.\n"
UNREADABLE = frozenset({State.FAILED, State.INDEXED})  # root may read everything
NO_NAME = frozenset({State.FAILED})

NAMES: dict[str, str] = {
    "newline": "new\nline.txt",
    "return": "carriage\rreturn.txt",
    "tab": "tab\there.txt",
    "escape": "\x1b[31mred\x1b[0m.txt",
    "bell": "bell\x07.txt",
    "right-to-left": "invoice\u202etxt.exe.md",
    "zero-width": "zero\u200bwidth.txt",
    "dash": "-rf.txt",
    "dashes": "--help.md",
    "trailing-dot": "dot..txt",
    "trailing-space": "space .txt",
    "leading-space": " space.txt",
    "only-space": " .txt",
    "quotes": "'\"`$(id).txt",
    "glob": "*?[a].txt",
    "backslash": "back\\slash.txt",
    "colon": "a:1-2.txt",
    "bang": "a.zip!.txt",
    "percent": "%2e%2e%2f.txt",
    "emoji": "👩‍👩‍👧‍👦.txt",
    "decomposed": "cafe\u0301.txt",
    "composed": "caf\u00e9.txt",
    "device": "CON.txt",
    "long": "l" * 251 + ".txt",
    "semicolon": "a;rm -rf.txt",
    "html": "<b>.txt",
    "private": "\ue000.txt",
    "hash": "corpus.jsonl#1.txt",
    "tilde": "~root.txt",
}
"""What a file may be called; all of them are read."""


def _written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _named(name: str, what: str) -> Case:
    def make(root: Path) -> None:
        _written(root / "names" / name, f"{TEXT}It is {what}.\n")

    return Case(f"names/{name}", READ, make)


def _bytes_named(name: bytes) -> Case:
    """A name that is not UTF-8; it is shown with its bytes escaped."""

    def make(root: Path) -> None:
        (root / "names").mkdir(exist_ok=True)
        try:
            with open(os.fsencode(root / "names") + b"/" + name, "wb") as file:  # noqa: PTH123 (a name in bytes)
                file.write(TEXT.encode())
        except UnicodeError as error:
            raise OSError(str(error)) from error

    return Case(f"names/{name.decode('utf-8', 'backslashreplace')}", NO_NAME, make)


def _kind(path: str, states: frozenset[State], place: Callable[[Path, Path], None]) -> Case:
    def make(root: Path) -> None:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        place(target, root)

    return Case(path, states, make)


def _link(to: str) -> Callable[[Path, Path], None]:
    return lambda target, root: target.symlink_to(to.replace("ROOT", str(root)))


def _pipe(target: Path, root: Path) -> None:
    if not hasattr(os, "mkfifo"):
        raise OSError("no pipes here")
    os.mkfifo(target)


def _socket(target: Path, root: Path) -> None:
    """Bound beside a short path and moved: a socket's own path may not be long."""
    if not hasattr(socket, "AF_UNIX"):
        raise OSError("no socket files here")
    with tempfile.TemporaryDirectory() as folder:
        short = Path(folder) / "s"
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(short))
        try:
            short.rename(target)
        except OSError as error:
            raise OSError("the folder for short paths is on another disk") from error


def _device(target: Path, root: Path) -> None:
    if not hasattr(os, "mknod"):
        raise OSError("no devices here")
    os.mknod(target, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


def _sparse(target: Path, root: Path) -> None:
    with target.open("wb") as file:
        file.truncate(10 * 2**30)


def _without_permission(target: Path, root: Path) -> None:
    _written(target, "A text that nobody may read.\n")
    target.chmod(0)


def _linked_sidecar(target: Path, root: Path) -> None:
    _written(target, "A text that is described from outside.\n")
    target.with_name(f"{target.name}.meta.toml").symlink_to(root / SECRET)


def _deep(target: Path, root: Path) -> None:
    _written(target, "A text in a deep folder.\n")


def cases() -> Iterator[Case]:
    """All of them; those that this system cannot have raise OSError when they are made."""
    for what, name in NAMES.items():
        yield _named(name, what)
    for raw in (b"caf\xe9.txt", b"\xff\xfe.md", b"\xed\xa0\x80.txt"):
        yield _bytes_named(raw)
    links = {
        "to-itself.txt": "to-itself.txt",
        "to-nothing.txt": "nothing.txt",
        "to-passwd.txt": "/etc/passwd",
        "to-secret.txt": f"../{SECRET}",
        "to-root": "ROOT",
        "to-parent": "../..",
        "to-slash": "/",
        "to-zeros.txt": "/dev/zero",
        "to-stdin.txt": "/dev/stdin",
        "to-self-memory.txt": "/proc/self/mem",
        "long-target.txt": "a/" * 1500 + "b",
    }
    for name, to in links.items():
        yield _kind(f"links/{name}", frozenset({State.SKIPPED, State.FAILED}), _link(to))
    yield _kind("links/chain/one.txt", frozenset({State.SKIPPED, State.FAILED}), _link("two.txt"))
    yield _kind("links/chain/two.txt", frozenset({State.SKIPPED, State.FAILED}), _link("one.txt"))
    yield _kind("kinds/pipe.txt", SKIPPED, _pipe)
    yield _kind("kinds/socket.txt", SKIPPED, _socket)
    yield _kind("kinds/device.txt", SKIPPED, _device)
    yield _kind("kinds/sparse-10-GB.txt", frozenset({State.TOO_LARGE}), _sparse)
    yield _kind("kinds/sparse-10-GB.pdf", frozenset({State.TOO_LARGE}), _sparse)
    yield _kind("kinds/unreadable.txt", UNREADABLE, _without_permission)
    yield _kind("kinds/described-from-outside.txt", ANY, _linked_sidecar)
    yield _kind("/".join(["deep", *["d"] * 500, "a.txt"]), READ, _deep)
