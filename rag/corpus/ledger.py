"""How files and pages ended, counted: each that was seen is in exactly one of the counts; and what mends the others."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rag.datatypes import FOLDED, Document, Page, Source, State

_NUMBER = re.compile(r"\d+")

INSTALL = 'python -m pip install "rag[ocr]"'
"""What lets pages be read that are pictures."""
UNLOCK = "give its password (rag ingest --password), or save a copy without one"
"""What lets an encrypted PDF or ZIP archive be read."""

COUNTED = ("indexed", "unchanged", "empty", "duplicate", "failed", "skipped")

_PAGES: dict[State, tuple[str, str]] = {
    State.NEEDS_OCR: ("a picture without text", INSTALL),
    State.FAILED: ("cannot be read", "save the file anew from the program that made it"),
    State.TOO_LARGE: ("not read, since the file has too many to recognise, or takes too long", "split the file"),
}
_FIXES: dict[State, str] = {
    State.UNSUPPORTED: "save it in a format that is read, or name it in .ragignore",
    State.FAILED: "mend it; it is read again when it has changed",
    State.UNDECODABLE: "save it as UTF-8",
    State.ENCRYPTED: UNLOCK,
    State.NEEDS_OCR: INSTALL,
    State.SKIPPED: "name it in .ragignore",
}
_OF_A_LINK = "put the file itself there, or name the link in .ragignore"


@dataclass(frozen=True, slots=True)
class Problem:
    """What several sources have in common that someone should look at, and what mends it.

    `reason` is that of the first; the others' may have other numbers in it.
    """

    state: State
    reason: str
    fix: str
    stale: bool
    sources: tuple[Source, ...]


def counts(sources: Iterable[Source], *, removed: int = 0) -> dict[str, int]:
    """The "files" of an ingest's summary: `seen` is the sum of the folded states; `removed`, `stale` are beside it."""
    outcomes = list(sources)
    folded = Counter(FOLDED[source.state] for source in outcomes)
    by_state = {name: folded[name] for name in COUNTED}
    stale = sum(source.stale for source in outcomes)
    return {"seen": len(outcomes), **by_state, "removed": removed, "stale": stale}


def left_out(sources: Iterable[Source]) -> dict[str, int]:
    """How many a rule left out, by rule, the most first; a folder is one, with all that it holds."""
    return dict(Counter(source.left_out for source in sources if source.left_out).most_common())


def problems(sources: Iterable[Source]) -> list[Source]:
    """The sources that someone should look at: failed, skipped, or kept although they fail now; by location.

    What a rule leaves out is none of them.
    """
    wrong = (
        source
        for source in sources
        if source.stale or (FOLDED[source.state] in ("failed", "skipped") and not source.left_out)
    )
    return sorted(wrong, key=lambda source: source.location)


def alike(sources: Iterable[Source]) -> list[Problem]:
    """The problems, those with the same cause as one, the most frequent first; each says what to do."""
    grouped: dict[tuple[State, str, str, bool], list[Source]] = defaultdict(list)
    for source in sources:
        grouped[source.state, _NUMBER.sub("0", source.reason), fix_of(source), source.stale].append(source)
    found = [Problem(cause[0], same[0].reason, *cause[2:], tuple(same)) for cause, same in grouped.items()]
    return sorted(found, key=lambda problem: -len(problem.sources))


def fix_of(source: Source) -> str:
    """What mends it: what its reader said, else what is to do in such a state."""
    is_link = source.state is State.SKIPPED and source.reason.startswith("a link")
    return source.fix or (_OF_A_LINK if is_link else _FIXES.get(source.state, ""))


def page_counts(document: Document) -> dict[State, int]:
    """How many of its pages ended in each state; one that several places are on counts once, by the best of them."""
    ended: dict[int, State] = {}
    for page in document.pages:
        if ended.get(page.number) is not State.INDEXED:
            ended[page.number] = document.ended(page)
    return dict(Counter(ended.values()))


def page_problems(source: Source, pages: Sequence[Page]) -> list[Source]:
    """The source once for each state in which pages of its document ended unread, with their numbers."""
    numbers: dict[State, list[int]] = defaultdict(list)
    for page in pages:
        if page.state is not None and page.state in _PAGES:
            numbers[page.state].append(page.number)
    whole = len({page.number for page in pages})
    return [
        replace(source, state=state, reason=f"page {_runs(found)} of {whole}: {_PAGES[state][0]}", fix=_PAGES[state][1])
        for state, found in numbers.items()
    ]


def _runs(numbers: Iterable[int]) -> str:
    """Numbers in a few words: "4, 7-9"."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
