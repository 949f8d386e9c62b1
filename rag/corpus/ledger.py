"""How files ended, counted: every file that was seen is in exactly one of the counts."""

from __future__ import annotations

from collections.abc import Iterable

from rag.datatypes import FOLDED, Source

COUNTED = ("indexed", "unchanged", "empty", "duplicate", "failed", "skipped")


def counts(sources: Iterable[Source], *, removed: int = 0) -> dict[str, int]:
    """The "files" of an ingest's summary: `seen` is the sum of the folded states; `removed`, `stale` are beside it."""
    outcomes = list(sources)
    folded = [FOLDED[source.state] for source in outcomes]
    by_state = {name: folded.count(name) for name in COUNTED}
    stale = sum(source.stale for source in outcomes)
    return {"seen": len(outcomes), **by_state, "removed": removed, "stale": stale}


def problems(sources: Iterable[Source]) -> list[Source]:
    """The sources that someone should look at: failed, skipped, or kept although they fail now; by location."""
    wrong = (source for source in sources if FOLDED[source.state] in ("failed", "skipped") or source.stale)
    return sorted(wrong, key=lambda source: source.location)
