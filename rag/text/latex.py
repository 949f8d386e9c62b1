"""The structure of LaTeX text as blocks with exact offsets: sections, verbatim environments, items.

Nothing is expanded: a command that is no section's is part of the text, as it stands in the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.text.markdown import LONGEST_TITLE, Block, Line, lines
from rag.text.scanning import Opened, heading, run, scanned, to_mark

_LEVELS = ("part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph")
_SECTION = re.compile(rf"[ \t]*\\({'|'.join(sorted(_LEVELS, key=len, reverse=True))})\*?[ \t]*(?:\[[^\]]*\])?[ \t]*\{{")
_ABSTRACT = re.compile(r"[ \t]*\\begin\{abstract\}")
_VERBATIM = re.compile(
    r"[ \t]*\\begin\{((?:verbatim|lstlisting|minted|alltt|Verbatim|equation|align|gather|multline|displaymath"
    r"|tabular|tabularx|longtable|tikzpicture|comment|filecontents|thebibliography)\*?)\}"
)
_PREAMBLE = re.compile(
    r"[ \t]*\\(?:documentclass|documentstyle|usepackage|RequirePackage|newcommand|renewcommand|input)\b"
)
_ITEM = re.compile(r"[ \t]*\\(?:item|bibitem)\b")
_LINES_OF_TITLE = 5
_COMMAND = re.compile(r"\\(?:label|index|footnote|cite\w*|protect)\*?\{[^{}]*\}|\\[a-zA-Z]+\*?[ \t]*|\\(.)|[{}$]|~")


def blocks(text: str, start: int = 0, end: int | None = None, _opening: Sequence[Line] = ()) -> list[Block]:
    """The blocks of `text[start:end]` at their offsets in the text."""
    rows = lines(text, start, end)
    return scanned(rows, lambda at: _opened(rows, at), _ITEM)


def bare(argument: str) -> str:
    """A command's argument without commands and braces in it: "Start {\\em now}" is "Start now"."""
    plain = _COMMAND.sub(lambda match: match[1] or (" " if match[0] == "~" else ""), argument[:LONGEST_TITLE])
    return " ".join(plain.split())


def argument(text: str, at: int) -> tuple[str, int]:
    """What stands between the brace that is open before `at` and the one that closes it, and where that is.

    "" and -1 where none closes it within `LONGEST_TITLE` characters.
    """
    depth = 1
    for match in _BRACE.finditer(text, at, at + LONGEST_TITLE):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if not depth:
            return text[at : match.start()], match.start()
    return "", -1


_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def _opened(rows: Sequence[Line], at: int) -> Opened:
    line = rows[at].content
    section = _SECTION.match(line)
    if section:
        return _section(rows, at, section)
    verbatim = _VERBATIM.match(line)
    if verbatim:
        ending = f"\\end{{{verbatim[1]}}}"
        if ending in line:
            return run("code", rows, at, at + 1), at + 1
        return to_mark(rows, at, lambda content: ending in content)
    if _ABSTRACT.match(line):
        return heading(rows, at, at + 1, _LEVELS.index("section") + 1, "Abstract"), at + 1
    if _PREAMBLE.match(line):
        return run("rule", rows, at, at + 1), at + 1
    return None


def _section(rows: Sequence[Line], at: int, section: re.Match[str]) -> Opened:
    """The heading up to the line where its title ends."""
    lines_of_title = rows[at : at + _LINES_OF_TITLE]
    joined = "\n".join(row.content for row in lines_of_title)
    title, end = argument(joined, section.end())
    if end < 0 or not bare(title):
        return None
    after = at + 1 + joined.count("\n", 0, end)
    return heading(rows, at, after, _LEVELS.index(section[1]) + 1, bare(title)), after
