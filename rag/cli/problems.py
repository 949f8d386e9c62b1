"""What someone should look at: files and pages that gave no text, told once for each cause, with what mends it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rag.cli import render
from rag.cli.exits import complain
from rag.cli.sources import shown
from rag.corpus.cleaned import WORDS, Cleaning
from rag.corpus.ledger import Problem, alike

if TYPE_CHECKING:
    from rag.datatypes import Source

MOST_ALIKE = 5
"""Files with the same cause that are named one by one; of more, the first is named and the others are counted."""
MOST_CAUSES = 12
"""Causes that an ingest tells, those of the most files first."""
ALL = "rag status --problems"


def print_problems(sources: Sequence[Source], index_flag: str = "") -> None:
    """Lines on stderr, as many for 10,000 problems as for 50: one for each cause, few for each file.

    `index_flag` is what a command needs to look into the same index, "" where it would anyway.
    """
    causes = alike(sources)
    for problem in causes[:MOST_CAUSES]:
        names = [shown(source.location) for source in problem.sources]
        what = _what(problem)
        if len(names) > MOST_ALIKE:
            complain(f"{_files(len(names))} {what}; the first is {names[0]} (all: {ALL} --json{index_flag})")
        else:
            for name in names:
                complain(f"{name}: {what}")
    rest = causes[MOST_CAUSES:]
    if rest:
        complain(
            f"{_files(sum(len(each.sources) for each in rest))} with {len(rest):,} other problems: {ALL}{index_flag}"
        )


def show_problems(paper: render.Paper, sources: Sequence[Source], index_flag: str = "") -> None:
    """Each cause with what mends it and the first files that have it; `index_flag` is as in `print_problems`."""
    if not sources:
        paper.line(("no problems", render.GOOD))
    for problem in alike(sources):
        count = _files(len(problem.sources))
        paper.line((count, render.STRONG), ": ", (problem.state.value, render.BAD), f": {_reason(problem)}")
        if problem.fix:
            paper.line(f"to do: {problem.fix}", indent=3)
        for source in problem.sources[:MOST_ALIKE]:
            paper.line((shown(source.location), render.PATH), indent=3)
        if len(problem.sources) > MOST_ALIKE:
            more = f"and {len(problem.sources) - MOST_ALIKE:,} more (all: {ALL} --json{index_flag})"
            paper.line((more, render.FAINT), indent=3)


def show_left_out(paper: render.Paper, left_out: dict[str, int]) -> None:
    """How much each rule left out, in one line; nothing where none did."""
    told = [f"{count:,} {rule}" for rule, count in left_out.items()]
    more = f" and {sum(list(left_out.values())[MOST_ALIKE:]):,} by other rules" if len(told) > MOST_ALIKE else ""
    if told:
        paper.line(("left out", render.STRONG), f": {', '.join(told[:MOST_ALIKE])}{more}")


def cleaned_words(cleaned: Mapping[str, int]) -> str:
    """ "214 page headers and footers, 1 hyphen"."""
    counts = ((count, WORDS[Cleaning(kind)]) for kind, count in cleaned.items())
    return ", ".join(f"{count:,} {one if count == 1 else several}" for count, (one, several) in counts)


def counted(counts: Iterable[tuple[str, int]]) -> str:
    """ "12 indexed, 3 failed", without what there is none of."""
    return ", ".join(f"{count:,} {name}" for name, count in counts if count)


def _what(problem: Problem) -> str:
    fix = f"; {problem.fix}" if problem.fix else ""
    return f"{problem.state.value}: {_reason(problem)}{fix}"


def _reason(problem: Problem) -> str:
    stale = " (its last good version stays)" if problem.stale else ""
    others = " (or alike)" if any(source.reason != problem.reason for source in problem.sources) else ""
    return f"{problem.reason}{others}{stale}"


def amount(count: int, noun: str) -> str:
    """ "1 page", "1,024 pages"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _files(count: int) -> str:
    return amount(count, "file")
