"""What is seen on a page as text of which each piece knows its place, in the words that a citation shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.corpus.readers.pictures.ocr import Line, Seen
from rag.corpus.readers.pictures.ocr_layout import Part, parts


@dataclass(frozen=True, slots=True)
class Placed:
    """Some of a page's text, and where it stands: "at 12–56 % across, 45–47 % down, recognised 93 %"."""

    text: str
    place: str


def placed(seen: Seen) -> tuple[Placed, ...]:
    """The page's Markdown, a piece for each line or row of a table; empty where no line is legible."""
    return tuple(Placed(part.text, _place(seen, part.lines)) for part in _held(parts(seen.lines)))


def _held(page: Sequence[Part]) -> Iterator[Part]:
    """The parts that have a place, what joins them to the next one with them."""
    held: Part | None = None
    for part in page:
        if held and part.lines:
            yield held
            held = part
        else:
            held = Part(held.text + part.text, held.lines) if held else part
    if held:
        yield held


def _place(seen: Seen, lines: Sequence[Line]) -> str:
    shares = [seen.share(line) for line in lines]
    left, top = min(share[0] for share in shares), min(share[1] for share in shares)
    right, bottom = max(share[2] for share in shares), max(share[3] for share in shares)
    legible = [line.confidence for line in lines if line.legible]
    how = f"recognised {int(100 * min(legible))} %" if legible else "not legible"
    return f"at {_span(left, right)} across, {_span(top, bottom)} down, {how}"


def _span(low: float, high: float) -> str:
    return f"{round(100 * low)}–{round(100 * high)} %"
