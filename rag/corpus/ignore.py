"""`.ragignore`: which files a folder leaves out, by the rules of gitignore(5).

    notes/*.tmp    in that folder alone            drafts/      folders of that name, with all below them
    *.tmp          in every folder below           !keep.tmp    not this one, whatever was said before
    a/**/b         with any folders between        \\#1         a name that begins with #

The last rule that matches decides, and a `.ragignore` decides before those of the folders above it. Nothing below a
folder that is left out can be brought back. Patterns are matched in time by their length times that of the name: the
file may come with documents from anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

NAME = ".ragignore"
MOST_BYTES = 64 * 2**10
"""Bytes of a `.ragignore` that is heeded."""

ANY_FOLDERS = "**"
_CLASSES = {
    "alnum": "^\\W_", "alpha": "^\\W\\d_", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~", "space": "\\s", "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """One line: `pattern` is what it names without its marks; `text` stands at `line` (from 1) of `file`."""

    file: str
    line: int
    text: str
    pattern: str
    negated: bool
    folders_only: bool
    anchored: bool

    @property
    def name(self) -> str:
        """How the rule is spoken of."""
        return f"{self.file}:{self.line} ({self.text})"

    @cached_property
    def _segments(self) -> list[str | re.Pattern[str] | None]:
        """The pattern's parts between slashes; None, which nothing matches, for one that is malformed."""
        segments = self.pattern.split("/")
        found: list[str | re.Pattern[str] | None] = []
        for each in segments:
            if self.anchored and len(each) > 1 and not each.strip("*"):
                found.append(ANY_FOLDERS)
            else:
                found.append(glob(each))
        if found[-1] == ANY_FOLDERS:
            found.append(glob("*"))  # what is in the folder, not the folder
        return found

    def matches(self, parts: Sequence[str], *, folder: bool) -> bool:
        """Whether it names the path of these parts, relative to the folder where the rule stands."""
        if self.folders_only and not folder:
            return False
        return _matches(self._segments, parts if self.anchored else parts[-1:])


@dataclass(frozen=True, slots=True)
class Ignore:
    """What the `.ragignore` of one folder says; the folder lies `depth` parts below the root. Last rule first."""

    depth: int
    rules: tuple[Rule, ...]


def parse(text: str, folder: Sequence[str]) -> Ignore:
    """The rules of the `.ragignore` in a folder, whose path is told in parts relative to the root."""
    file = "/".join([*folder, NAME])
    rules = [_rule(file, number, line) for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1)]
    return Ignore(len(folder), tuple(rule for rule in reversed(rules) if rule))


def decides(ignores: Sequence[Ignore], parts: Sequence[str], *, folder: bool) -> Rule | None:
    """The rule that decides on the path of these parts relative to the root; None where none names it.

    `ignores` are those of the folders that it lies in, the outermost first.
    """
    for ignore in reversed(ignores):
        for rule in ignore.rules:
            if rule.matches(parts[ignore.depth :], folder=folder):
                return rule
    return None


def _rule(file: str, number: int, line: str) -> Rule | None:
    """What a line says; None for a comment, and where it is empty."""
    text = _trimmed(line.removesuffix("\r"))
    if text.startswith("#"):
        return None
    negated, pattern = text.startswith("!"), text.removeprefix("!")
    folders_only, pattern = pattern.endswith("/"), pattern.removesuffix("/")
    anchored = "/" in pattern
    pattern = pattern.removeprefix("/")
    return Rule(file, number, text, pattern, negated, folders_only, anchored) if pattern else None


def _trimmed(line: str) -> str:
    """The line without the spaces at its end, but for one behind a backslash."""
    bare = line.rstrip(" ")
    escapes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if escapes % 2 and len(bare) < len(line) else bare


def _matches(segments: Sequence[str | re.Pattern[str] | None], parts: Sequence[str]) -> bool:
    """Whether the parts are what the segments say, where `**` stands for any number of parts."""
    place = at = 0
    again: tuple[int, int] | None = None  # behind the last `**`, and the first part that it does not cover
    while at < len(parts):
        segment = segments[place] if place < len(segments) else None
        if isinstance(segment, str):
            place += 1
            again = place, at
        elif segment is not None and segment.fullmatch(parts[at]):
            place, at = place + 1, at + 1
        elif again is not None:
            place, at = again[0], again[1] + 1
            again = again[0], at
        else:
            return False
    return all(isinstance(segment, str) for segment in segments[place:])


def glob(pattern: str) -> re.Pattern[str] | None:
    """The expression of a pattern for one name; None where it is malformed.

    What stands between two stars is found where it comes first and is not tried again, so that no name takes long.
    """
    pieces = [""]
    for atom in _atoms(pattern):
        if atom is None:
            return None
        if atom == "*":
            pieces.append("")
        else:
            pieces[-1] += atom
    first, *others = pieces
    if not others:
        return re.compile(first, re.DOTALL)
    middle = "".join(f"(?>.*?{piece})" for piece in others[:-1] if piece)
    return re.compile(f"{first}{middle}.*{others[-1]}", re.DOTALL)


def _atoms(pattern: str) -> Iterator[str | None]:
    """Expressions for one character each, "*" for any number of them; None where the pattern is malformed."""
    at = 0
    while at < len(pattern):
        each = pattern[at]
        if each == "[":
            end, atom = _bracket(pattern, at)
            yield atom
            at = end
        elif each == "\\":
            yield re.escape(pattern[at + 1]) if at + 1 < len(pattern) else None
            at += 2
        else:
            yield each if each == "*" else "." if each == "?" else re.escape(each)
            at += 1


def _bracket(pattern: str, start: int) -> tuple[int, str | None]:
    """Where a `[...]` ends, and its expression; None for one without an end or with a class that there is not."""
    at = start + 1
    negated = pattern[at : at + 1] in ("!", "^") and at < len(pattern)
    at += negated
    first, choices = at, list[str]()
    while at < len(pattern) and (pattern[at] != "]" or at == first):
        named = re.compile(r"\[:(\w*):\]").match(pattern, at)
        if named:
            if named[1] not in _CLASSES:
                return len(pattern), None
            choices.append(f"[{_CLASSES[named[1]]}]")
            at = named.end()
            continue
        low, at = _literal(pattern, at)
        high = low
        if pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] not in ("", "]"):
            high, at = _literal(pattern, at + 1)
        if low and high and low <= high:
            choices.append(f"[{re.escape(low)}-{re.escape(high)}]")
    if at >= len(pattern):
        return len(pattern), None
    inside = "|".join(choices) or "(?!)"
    return at + 1, f"(?!{inside})." if negated else f"(?:{inside})"


def _literal(pattern: str, at: int) -> tuple[str, int]:
    """A character within brackets, and where the next one stands."""
    if pattern[at] == "\\" and at + 1 < len(pattern):
        return pattern[at + 1], at + 2
    return pattern[at], at + 1
