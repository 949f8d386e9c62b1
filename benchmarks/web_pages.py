"""Body text of real web pages: how much of it comes out, and how much else.

    python benchmarks/web_pages.py [--data FOLDER] [--half development|held-out] [--show ID]

FOLDER (default ../shared/data) has files/article_html, the pages and the evaluation of article-extraction-benchmark:
shingles of four words, F1 from the means of precision and recall over the pages. Pages are for development or held out
by the SHA-256 of their id; those that are held out are only counted. `rag` is the text of our reader;
trafilatura is asked where it is installed, without comments, with its defaults and with `favor_recall`.
`--show` prints what of a page's body is missing in ours, and what is there beside it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rag.corpus.readers import READERS, Unread

SHINGLE = 4
_TOKEN = re.compile(r"\w+", re.UNICODE)

Extract = Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class Page:
    """A page's bytes and the text of its body as people marked it."""

    name: str
    html: bytes
    body: str

    @property
    def held_out(self) -> bool:
        """Whether the page is only counted."""
        return int(hashlib.sha256(self.name.encode()).hexdigest()[0], 16) % 2 == 1


@dataclass(frozen=True, slots=True)
class Figures:
    """Shingles that are in both texts, only in the prediction, only in the body; as shares of the larger text."""

    both: float
    extra: float
    missing: float

    @property
    def precision(self) -> float:
        """Share of what came out that belongs to the body."""
        return self.both / (self.both + self.extra) if self.both + self.extra else 0.0

    @property
    def recall(self) -> float:
        """Share of the body that came out."""
        return self.both / (self.both + self.missing) if self.both + self.missing else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--half", choices=["development", "held-out"], help="each page of one half")
    parser.add_argument("--show", help="the beginning of a page's id")
    options = parser.parse_args()
    pages = _pages(options.data / "files" / "article_html")
    extracts = {"rag": _ours, "rag, below the headline": _below, **_libraries()}
    if options.show:
        _show(next(page for page in pages if page.name.startswith(options.show)))
        return
    for name, extract in extracts.items():
        started = time.perf_counter()
        figures = {page.name: compared(extract(page.html), page.body) for page in pages}
        seconds = time.perf_counter() - started
        print(f"\n{name}, {seconds:.1f} s")
        halves = {
            "development": [page for page in pages if not page.held_out],
            "held-out": [page for page in pages if page.held_out],
            "all": pages,
        }
        for half, chosen in halves.items():
            print(f"  {half:12} {len(chosen):2} pages  {_line([figures[page.name] for page in chosen])}")
            if half == options.half:
                for page in chosen:
                    print(f"    {page.name[:12]}  {_line([figures[page.name]])}")


def _pages(folder: Path) -> list[Page]:
    truth = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    return [
        Page(path.name.split(".")[0], gzip.decompress(path.read_bytes()), truth[path.name.split(".")[0]]["articleBody"])
        for path in sorted((folder / "html").glob("*.html.gz"))
    ]


def compared(text: str, body: str) -> Figures:
    """How the shingles of two texts agree, each page weighing the same."""
    ours, theirs = _shingles(text), _shingles(body)
    both = sum((ours & theirs).values())
    extra, missing = ours.total() - both, theirs.total() - both
    whole = max(1, both + extra + missing)
    return Figures(both / whole, extra / whole, missing / whole)


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    tokens = _TOKEN.findall(text or "")
    if not tokens:
        return Counter()
    return Counter(tuple(tokens[at : at + SHINGLE]) for at in range(max(1, len(tokens) - SHINGLE + 1)))


def _line(figures: list[Figures]) -> str:
    """F1 of the mean precision and recall, as the benchmark's authors count it, pages without a shingle left out."""
    precision = statistics.fmean(each.precision for each in figures)
    recall = statistics.fmean(each.recall for each in figures)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    mean = statistics.fmean(each.f1 for each in figures)
    return f"F1 {f1:.3f}  precision {precision:.3f}  recall {recall:.3f}  mean of F1 {mean:.3f}"


def _show(page: Page) -> None:
    from difflib import SequenceMatcher

    ours, theirs = _ours(page.html).split(), page.body.split()
    for what, a, b, c, d in SequenceMatcher(None, theirs, ours, autojunk=False).get_opcodes():
        if what != "equal":
            print(f"- {' '.join(theirs[a:b])[:300]}\n+ {' '.join(ours[c:d])[:600]}\n")


def _ours(html: bytes) -> str:
    outcome = READERS[".html"].read(html, "page.html")
    return "" if isinstance(outcome, Unread) else outcome.text


def _below(html: bytes) -> str:
    """Our text without the heading of the page and what stands above it, which the benchmark's bodies have not."""
    text = _ours(html)
    headline = re.search(r"(?m)^# .*\n", text[: len(text) // 3])
    return text[headline.end() :] if headline else text


def _libraries() -> dict[str, Extract]:
    if not find_spec("trafilatura"):
        return {}
    from trafilatura import extract

    return {
        "trafilatura": lambda html: extract(html, include_comments=False) or "",
        "trafilatura, favor_recall": lambda html: extract(html, include_comments=False, favor_recall=True) or "",
    }


if __name__ == "__main__":
    main()
