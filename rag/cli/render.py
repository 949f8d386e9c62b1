"""What a person reads: lines of styled pieces, coloured on a terminal (by rich), plain text in a pipe.

Every piece passes `printable`, so nothing that came from a document acts on the terminal.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rag.cli.escape import printable
from rag.cli.sources import place, shown
from rag.datatypes import Answer, Citation, Hit, Sentence, Suspicion
from rag.errors import shell_quoted
from rag.text.context import continued_header
from rag.text.suspicion import suspicions

if TYPE_CHECKING:
    from rich.console import Console

    from rag.evaluation.metrics import Difference, Figure
    from rag.generation.compare import Line
    from rag.retrieval.explain import Explanation

Piece = str | tuple[str, str]  # a text, or a text with its rich style

STRONG = "bold"
FAINT = "dim"
PATH = "cyan"
GOOD = "green"
BAD = "yellow"

SNIPPET = 300  # characters of a hit's text
MOST_ALIKE = 5  # near-duplicates that are listed
_UNITS = ("B", "kB", "MB", "GB", "TB")
QUOTE = 160  # characters of a quote in the list of citations
PLACE = 60  # characters of what is said of where something stands

_CJK = r"\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
_CJK_BREAK = re.compile(rf"(?<=[{_CJK}])\s*\n\s*(?=[{_CJK}])")


class Paper:
    """stdout, one line at a time."""

    def __init__(self) -> None:
        self._console = _console() if sys.stdout.isatty() else None

    @property
    def styled(self) -> bool:
        """Whether styles show."""
        return self._console is not None

    def line(self, *pieces: Piece, indent: int = 0) -> None:
        """Write one line; on a terminal a long one is folded, with its indentation kept."""
        parts = [(piece, "") if isinstance(piece, str) else piece for piece in pieces]
        safe = [(printable(text), style) for text, style in parts]
        if self._console is None:
            print(" " * indent + "".join(text for text, _ in safe), flush=True)
        else:
            _print_rich(self._console, safe, indent)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def _print_rich(console: Console, pieces: Sequence[tuple[str, str]], indent: int) -> None:
    from rich.text import Text

    text = Text.assemble(*pieces)
    lines = text.wrap(console, max(20, console.width - indent)) if indent else [text]
    for line in lines:
        line.rstrip()
        console.print(Text(" " * indent).append_text(line), soft_wrap=True)


def one_line(text: str, most: int = 0) -> str:
    """`text` without line breaks (in Chinese and Japanese without a space in their place), shortened to `most`."""
    line = " ".join(_CJK_BREAK.sub("", text).split())
    return line if not most or len(line) <= most else f"{line[: most - 1].rstrip()}…"


def snippet(text: str, question: str, most: int = SNIPPET) -> str:
    """`text` on one line, shortened to `most` characters from the sentence that shares most terms with the question."""
    if len(text) <= most:
        return one_line(text)
    from rag.text.sentences import sentences
    from rag.text.terms import terms

    asked = set(terms(question))

    def met(start: int, end: int) -> int:
        return len(asked.intersection(terms(text[start:end])))

    spans = sentences(text)
    best = max(spans, key=lambda span: (met(span.start, span.start + most), met(span.start, span.end)), default=None)
    start = best.start if best is not None and met(best.start, best.start + most) else 0
    return f"{'… ' if start else ''}{one_line(text[start:], most)}"


def show_hits(
    paper: Paper,
    hits: Iterable[Hit],
    question: str,
    *,
    scored: bool = True,
    explanations: Sequence[Explanation] = (),
) -> None:
    """Rank, score and place of each hit, then its heading and the part of its text that is nearest to the question.

    Not `scored` where the hits do not stand in the order of their scores.
    """
    for rank, hit in enumerate(hits, 1):
        where = place(shown(hit.source), hit.start, hit.end)
        score = f"  {hit.score:.3f}" if scored else ""
        paper.line((f"{rank}.", STRONG), " ", (where, PATH), _place(hit.place), (score, FAINT))
        if hit.chunk.heading:
            paper.line((" › ".join(hit.chunk.heading), STRONG), indent=3)
        _show_columns(paper, continued_header(hit), indent=3)
        paper.line(*_highlighted(paper, snippet(hit.text, question), question), indent=3)
        show_suspicions(paper, suspicions([hit]), indent=3)
        for copy in hit.copies:
            paper.line((f"the same in {shown(copy)}", FAINT), indent=3)
        _show_alike(paper, hit)
        for why in explanations[rank - 1 : rank]:
            _show_explanation(paper, hit, why)


def _highlighted(paper: Paper, text: str, question: str) -> list[Piece]:
    """The text with the question's words in bold; as it is where nobody would see that."""
    if not paper.styled:
        return [text]
    from rag.cli.highlight import highlighted

    return [(piece, STRONG if held else "") for piece, held in highlighted(text, question)]


def _show_alike(paper: Paper, hit: Hit) -> None:
    """The places that a hit stands for, and that it is the newest of them where that is known."""
    if hit.newest:
        paper.line((f"the newest of {len(hit.alike) + 1} editions ({hit.date})", GOOD), indent=3)
    for each in hit.alike[:MOST_ALIKE]:
        where = place(shown(each.source), each.start, each.end)
        paper.line((f"nearly the same in {where}" + (f" ({each.date})" if each.date else ""), FAINT), indent=3)
    if len(hit.alike) > MOST_ALIKE:
        paper.line((f"and in {len(hit.alike) - MOST_ALIKE} more", FAINT), indent=3)


def _show_explanation(paper: Paper, hit: Hit, why: Explanation) -> None:
    """The score of each leg (and of a reranker), the question's words with their IDF, the tokens nearest to its own."""
    legs = dataclasses.asdict(hit.scores).items()
    paper.line((", ".join(f"{name} {score:.3f}" for name, score in legs if score is not None), FAINT), indent=3)
    for title, held in (("words", True), ("not there", False)):
        words = ", ".join(f"{each.term} {each.idf:.1f}" for each in why.words if each.held is held)
        if words:
            paper.line((f"{title}: {words}", FAINT), indent=3)
    pairs = ", ".join(f"{each.asked} ~ {each.found} {each.cosine:.2f}" for each in why.tokens)
    paper.line((f"tokens: {pairs}", FAINT), indent=3)


def show_sentence(paper: Paper, sentence: Sentence) -> None:
    """A checked sentence with its markers; one that is not borne out says so."""
    if not sentence.supported:
        paper.line((one_line(sentence.text), FAINT), (" [not borne out]", BAD))
        return
    markers = "".join(f"[{number}]" for number in sentence.citations)
    paper.line(one_line(sentence.text), (f" {markers}" if markers else "", PATH))


def show_proof(paper: Paper, answer: Answer, index_flag: str = "") -> None:
    """What stands below the sentences: citations, confidence, what did not fit; when it abstained, what came nearest.

    `index_flag` is what `rag show` needs to find the same index, "" where it would anyway.
    """
    if not answer.answered:
        paper.line((one_line(answer.text), BAD))
        _show_nearest(paper, answer)
    else:
        show_citations(paper, answer, index_flag)
    paper.line()
    for conflict in answer.conflicts:
        paper.line(("sources differ: ", BAD), one_line(conflict.text))
    show_left_out(paper, answer)
    paper.line(("confidence ", FAINT), (f"{answer.confidence:.2f}", GOOD if answer.answered else BAD))


def show_citations(paper: Paper, answer: Answer, index_flag: str = "") -> None:
    """The citations, how one is opened, and what was looked at."""
    if answer.citations:
        paper.line()
        for citation in answer.citations:
            show_citation(paper, citation)
        first = answer.citations[0]
        where = shell_quoted(place(shown(first.source), first.start, first.end))
        paper.line((f"open one: rag show {where}{index_flag}", FAINT))
        show_suspicions(paper, answer.suspicious)
    if answer.completeness:
        paper.line()
        paper.line(one_line(answer.completeness))


def show_left_out(paper: Paper, answer: Answer) -> None:
    """How much did not fit, and how much failed the check; nothing where there was none."""
    for count, what in ((len(answer.omitted), "did not fit the prompt"), (len(answer.dropped), "failed the check")):
        if count:
            paper.line((f"{count} {'passage' if 'prompt' in what else 'sentence'}{'s' * (count > 1)} {what}", FAINT))
    if answer.invisible:
        paper.line((f"characters that nobody sees, left out: {answer.invisible}", FAINT))


def show_comparison(paper: Paper, lines: Sequence[Line], sources: Sequence[str]) -> None:
    """What differs, what one document alone says, what they say in other words; what is the same is counted."""
    names = [shown(source) for source in sources]
    for kind, title in _TITLES.items():
        told = [line for line in lines if line.kind == kind]
        if not told:
            continue
        paper.line((f"{title}: {len(told)}", STRONG))
        for line in told if kind != "same" else ():
            _show_line(paper, line, names)


_TITLES = {"differs": "differs", "only": "said by one alone", "reworded": "said in other words", "same": "the same"}


def _show_line(paper: Paper, line: Line, names: Sequence[str]) -> None:
    numbers = " / ".join(", ".join(own) or "–" for own in line.quantities) if any(line.quantities) else ""
    others = ", ".join(each for each in line.by if each != "number")
    paper.line(
        (line.heading, FAINT), (f"  {numbers}" if numbers else "", GOOD), (f"  {others}" if others else "", GOOD)
    )
    for name, texts, cited in zip(names, line.texts, line.citations, strict=True):
        if texts:
            markers = "".join(f"[{number}]" for number in cited)
            paper.line((f"{name}: ", FAINT), " ".join(map(one_line, texts)), (f" {markers}", PATH), indent=3)


def show_duplicates(paper: Paper, groups: Iterable[Mapping[str, Any]]) -> None:
    """Each group's longest document with its sources, and below it those that say nearly the same."""
    for group in groups:
        paper.line((", ".join(group["sources"]), PATH))
        for each in group["alike"]:
            paper.line((f"{each['share']:4.0%}", FAINT), " ", (", ".join(each["sources"]), PATH), indent=2)


def show_suspicions(paper: Paper, suspicious: Iterable[Suspicion], indent: int = 0) -> None:
    """A line for each place that addresses a machine: it is flagged, and hidden nowhere."""
    for each in suspicious:
        where = place(shown(each.source), each.start, each.end)
        paper.line(("careful: ", BAD), f"{where} addresses a machine, not a reader: {each.reason}", indent=indent)


def show_citation(paper: Paper, citation: Citation) -> None:
    """The number of a citation, its place and its quote."""
    where = place(shown(citation.source), citation.start, citation.end)
    paper.line((f"[{citation.number}]", PATH), " ", (where, STRONG), _place(citation.place))
    _show_columns(paper, citation.table_header, indent=4)
    paper.line((f"“{one_line(citation.quote, QUOTE)}”", FAINT), indent=4)


def _show_columns(paper: Paper, header: str, indent: int) -> None:
    """The header row of a table whose rows follow: outside their quotation marks, it stands elsewhere."""
    if header:
        paper.line(("columns: ", STRONG), (one_line(header, SNIPPET), FAINT), indent=indent)


def _show_nearest(paper: Paper, answer: Answer) -> None:
    if answer.hits:
        paper.line()
        paper.line(("nearest passages:", STRONG))
        show_hits(paper, answer.hits[:3], answer.question, scored=False)  # in the order of what was read


def _place(said: str) -> str:
    return f" ({one_line(said, PLACE)})" if said else ""


def show_table(paper: Paper, rows: Sequence[Sequence[str]]) -> None:
    """Rows as columns, each as wide as its widest cell, the last one free; nothing for no rows."""
    safe = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(_cells, column)) for column in zip(*safe, strict=True)]
    for row in safe:
        padded = [cell + " " * (width - _cells(cell)) for cell, width in zip(row[:-1], widths, strict=False)]
        paper.line("  ".join([*padded, row[-1]]).rstrip())


def _cells(text: str) -> int:
    """Columns that a text takes on a terminal: two for a Chinese or Japanese character."""
    import unicodedata

    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def figure_cells(figure: Figure) -> tuple[str, str]:
    """A mean and its interval."""
    return f"{figure.mean:.4f}", f"{figure.low:.4f} – {figure.high:.4f}"


def difference_cells(each: Difference) -> tuple[str, str, str]:
    """A difference, its interval, and how sure it is."""
    interval = f"{each.low:+.4f} – {each.high:+.4f}"
    return f"{each.mean:+.4f}", interval, f"p {each.p:.3f}, {each.better} better, {each.worse} worse"


def size(count: int) -> str:
    """Bytes as a person says them: 512 B, 3.4 kB, 118 MB."""
    if count < 1000:
        return f"{count} B"
    power = min(4, (len(str(count)) - 1) // 3)
    amount = count / 1000**power
    return f"{amount:.1f} {_UNITS[power]}" if amount < 10 else f"{amount:.0f} {_UNITS[power]}"
