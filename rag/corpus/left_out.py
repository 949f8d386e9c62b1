"""What a walk leaves out, and by which rule: hidden files, what programs make, what a `.ragignore` names.

A folder that is left out is not looked into: it is one entry, whatever it holds.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.corpus import ignore
from rag.corpus.ignore import Ignore

NAMES = {
    *("node_modules", "bower_components", "__pycache__", "site-packages", "venv"),
    *("__MACOSX", "Thumbs.db", "desktop.ini"),
}
"""Files and folders that nobody writes by hand."""

BUILT = {"build", "dist", "target", "_build"}
"""Folders that are left out where one of `BUILDERS` stands beside them; elsewhere they may hold anything."""

BUILDERS = {
    *("package.json", "pyproject.toml", "setup.py", "Cargo.toml", "pom.xml", "build.gradle", "build.gradle.kts"),
    *("CMakeLists.txt", "Makefile", "makefile", "meson.build", "build.sbt", "conf.py", "make.bat"),
}

_CACHE = b"Signature: 8a477f597d28d172789f06886806bc55"  # https://bford.info/cachedir/


def by_name(name: str) -> str:
    """The rule by which a name alone is left out; "" where none is."""
    if name.startswith("~$"):
        return "lock files of an office program"
    return "hidden" if name.startswith(".") else name if name in NAMES else ""


def within(name: str) -> tuple[str, str]:
    """How much of the name of a file within another names what is left out, and the rule; "" and "" where none does."""
    parts = name.split("/")
    for upto, part in enumerate(parts, 1):
        rule = by_name(part)
        if rule:
            return "/".join(parts[:upto]), rule
    return "", ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where an entry lies: the names beside it, its folder's parts below the root, what the `.ragignore`s say."""

    names: Collection[str]
    parts: tuple[str, ...]
    ignores: Sequence[Ignore]


def rule_of(entry: os.DirEntry[str], around: Surroundings) -> str:
    """The rule by which an entry is left out; "" where it is not. What a `.ragignore` says goes before all others."""
    folder = entry.is_dir(follow_symlinks=False)
    if folder and _is_index(Path(entry.path)):
        return "an index"
    decided = ignore.decides(around.ignores, (*around.parts, entry.name), folder=folder)
    if decided:
        return "" if decided.negated else decided.name
    return by_name(entry.name) or (_made(entry, around.names) if folder else "") or _hidden_on_windows(entry)


def _is_index(path: Path) -> bool:
    """Whether an index lies there, or a snapshot of one: what it holds are no documents."""
    try:
        return (path / "CURRENT").is_file() and any(path.glob("gen-*"))
    except OSError:
        return False


def _made(folder: os.DirEntry[str], beside: Collection[str]) -> str:
    """Why a folder is taken for the work of a program; "" where it is not."""
    if folder.name in BUILT and not BUILDERS.isdisjoint(beside):
        return f"{folder.name} beside {min(BUILDERS.intersection(beside))}"
    if os.path.isfile(os.path.join(folder.path, "pyvenv.cfg")):  # noqa: PTH113, PTH118 (for each folder: quick)
        return "a virtual environment"
    return "a cache" if _is_cache(Path(folder.path, "CACHEDIR.TAG")) else ""


def _is_cache(tag: Path) -> bool:
    try:
        if not stat.S_ISREG(tag.lstat().st_mode):
            return False
        with tag.open("rb") as file:
            return file.read(len(_CACHE)) == _CACHE
    except OSError:
        return False


def _hidden_on_windows(entry: os.DirEntry[str]) -> str:
    try:
        attributes = getattr(entry.stat(follow_symlinks=False), "st_file_attributes", 0)
    except OSError:
        return ""
    hidden = attributes & getattr(stat, "FILE_ATTRIBUTE_HIDDEN", 0) and os.name == "nt"
    return "hidden" if hidden else ""
