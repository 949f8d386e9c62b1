"""Figures of answers: is the gold in it, is it proved, and does it abstain where the corpus does not answer.

Texts are compared after NFKC, case folding, and dropping punctuation and English articles. The unit is a word, and a
character in scripts that write none apart (Han, kana, Hangul, Thai, ...).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Answer
from rag.evaluation.dataset import Gold
from rag.evaluation.metrics import Figure, figure, interval, percentiles_ms
from rag.text.language import language

MOST_SENTENCES = 3
MOST_CHARACTERS = 400
MOST_CHARACTERS_CJK = 200

_CJK = (
    r"\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U000323af"
)
_UNSPACED = _CJK + r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_UNIT = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_CJK_LETTER = re.compile(rf"[{_CJK}]")
_ARTICLES = frozenset({"a", "an", "the"})


@dataclass(frozen=True, slots=True)
class Judged:
    """One question's answer against its gold; `contains`, `exact`, `f1` are 0 where it abstained.

    `citations` counts the answer's citations, `exact_citations` those whose quote is the document's text to the
    character. `length` is in characters. `language` is the question's, `seconds` is what search and answer took.
    """

    answerable: bool
    answered: bool
    confidence: float
    contains: float
    exact: float
    f1: float
    sentences: int
    supported: int
    dropped: int
    citations: int
    exact_citations: int
    length: int
    language: str = ""
    seconds: float = 0.0

    def values(self) -> dict[str, float]:
        """What is measured of this question alone."""
        if not self.answerable:
            return {"abstained": float(not self.answered)}
        scored = {"contains": self.contains, "exact": self.exact, "f1": self.f1}
        return {**scored, "refused": float(not self.answered)}


@dataclass(frozen=True, slots=True)
class Abstention:
    """How well it abstains; positive = abstained. A figure is None where its denominator is 0.

    `refused` is the share of answerable questions abstained from. `risk` is the share of wrong among the answered:
    where the corpus has no answer, or the text does not contain it. `auroc` ranks by 1 − confidence. `aurc` is the mean
    over coverages of the risk when the most confident questions are answered first (Geifman & El-Yaniv 2017, section
    3); lower is better.
    """

    precision: float | None
    recall: float | None
    refused: float | None
    risk: float | None
    auroc: float | None
    aurc: float | None


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """Answers of a whole set. `contains`, `exact`, `f1` are over its answerable questions.

    `citation_exact` is a share of the citations, `supported` of the sentences shown, `dropped` of the sentences made
    (shown and dropped); `length` is the mean of the texts shown, in characters. None: there was nothing to count.
    `intervals` are those of the figures of `abstention`, by name; `latency_ms` has p50 and p95 of search and answer.
    """

    questions: int
    contains: Figure | None
    exact: Figure | None
    f1: Figure | None
    abstention: Abstention
    citation_exact: float | None
    supported: float | None
    dropped: float | None
    length: float | None
    intervals: Mapping[str, tuple[float, float]]
    latency_ms: Mapping[str, float]


def units(text: str) -> list[str]:
    """What texts are compared by: folded words and characters, without punctuation and English articles."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(each for each in folded if unicodedata.category(each)[0] != "P")
    return [unit for unit in _UNIT.findall(kept) if unit not in _ARTICLES]


def contains(text: str, gold: Gold) -> bool:
    """Whether the text holds any of the answers or, where there are facts, one string of every group."""
    groups = gold.facts or (gold.answers,)
    return all(any(_holds(text, string) for string in group) for group in groups)


def exact(text: str, gold: Gold) -> bool:
    """Whether the text is one of the answers."""
    return any(units(text) == units(answer) for answer in gold.answers)


def f1(text: str, gold: Gold) -> float:
    """The best F1 over the units of the text and of an answer."""
    return max((_f1(units(text), units(answer)) for answer in gold.answers), default=0.0)


def looked_at(answer: Answer) -> str:
    """The part of an answer that may hold the gold: 3 sentences at most, 400 characters at most (200 in CJK)."""
    head = " ".join(sentence.text for sentence in answer.sentences[:MOST_SENTENCES]) or answer.text
    return head[: MOST_CHARACTERS_CJK if _mostly_cjk(head) else MOST_CHARACTERS]


def judge(answer: Answer, gold: Gold, exact_citations: int, seconds: float = 0.0) -> Judged:
    """The answer against its gold; `exact_citations` were checked against the documents by the caller."""
    scored = answer.answered and gold.answerable
    return Judged(
        answerable=gold.answerable,
        answered=answer.answered,
        confidence=answer.confidence,
        contains=float(scored and contains(looked_at(answer), gold)),
        exact=float(scored and exact(answer.text, gold)),
        f1=f1(answer.text, gold) if scored else 0.0,
        sentences=len(answer.sentences) if answer.answered else 0,
        supported=sum(sentence.supported for sentence in answer.sentences) if answer.answered else 0,
        dropped=len(answer.dropped),
        citations=len(answer.citations),
        exact_citations=exact_citations,
        length=len(answer.text),
        language=language(answer.question),
        seconds=seconds,
    )


def summarise(judged: Sequence[Judged]) -> AnswerFigures:
    """The figures of a set."""
    answerable = [each for each in judged if each.answerable]
    shown = [each.length for each in judged if each.answered]
    sentences = sum(each.sentences for each in judged)
    dropped = sum(each.dropped for each in judged)
    return AnswerFigures(
        questions=len(judged),
        contains=figure([each.contains for each in answerable]) if answerable else None,
        exact=figure([each.exact for each in answerable]) if answerable else None,
        f1=figure([each.f1 for each in answerable]) if answerable else None,
        abstention=abstention(judged),
        citation_exact=_share(sum(each.exact_citations for each in judged), sum(each.citations for each in judged)),
        supported=_share(sum(each.supported for each in judged), sentences),
        dropped=_share(dropped, sentences + dropped),
        length=_share(sum(shown), len(shown)),
        intervals=_intervals(judged),
        latency_ms=percentiles_ms([each.seconds for each in judged]),
    )


def by_language(judged: Sequence[Judged]) -> dict[str, AnswerFigures]:
    """The figures of the questions in each language, most questions first; none where all are in one."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for each in judged:
        groups[each.language].append(each)
    if len(groups) < 2:
        return {}
    return {name: summarise(groups[name]) for name in sorted(groups, key=lambda name: -len(groups[name]))}


def _intervals(judged: Sequence[Judged]) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals of the figures of abstention, over questions."""

    def measured(name: str) -> Callable[[NDArray[np.int64]], float | None]:
        return lambda drawn: getattr(abstention([judged[at] for at in drawn]), name)

    around = {each.name: interval(len(judged), measured(each.name)) for each in fields(Abstention)}
    return {name: found for name, found in around.items() if found}


def abstention(judged: Sequence[Judged]) -> Abstention:
    """How well the set's answers abstain."""
    unanswerable = [each for each in judged if not each.answerable]
    answerable = [each for each in judged if each.answerable]
    abstained = [each for each in judged if not each.answered]
    rightly = sum(not each.answerable for each in abstained)
    return Abstention(
        precision=_share(rightly, len(abstained)),
        recall=_share(rightly, len(unanswerable)),
        refused=_share(sum(not each.answered for each in answerable), len(answerable)),
        risk=_share(sum(not each.contains for each in judged if each.answered), len(judged) - len(abstained)),
        auroc=_auroc([each.confidence for each in answerable], [each.confidence for each in unanswerable]),
        aurc=_aurc(judged),
    )


def _auroc(answerable: Sequence[float], unanswerable: Sequence[float]) -> float | None:
    """The chance that an answerable question has more confidence than an unanswerable one; ties count half."""
    if not answerable or not unanswerable:
        return None
    high, low = np.asarray(answerable), np.sort(np.asarray(unanswerable))
    below = np.searchsorted(low, high, side="left")
    up_to = np.searchsorted(low, high, side="right")
    return float((below + up_to).mean() / 2 / len(low))


def _aurc(judged: Sequence[Judged]) -> float | None:
    """Area under the risk–coverage curve; questions of equal confidence share their mean risk."""
    if not judged:
        return None
    confidence = np.asarray([each.confidence for each in judged])
    wrong = np.asarray([0.0 if each.answerable and each.contains else 1.0 for each in judged])
    _, group = np.unique(-confidence, return_inverse=True)
    shared: NDArray[np.float64] = (np.bincount(group, wrong) / np.bincount(group))[np.sort(group)]
    return float((np.cumsum(shared) / np.arange(1, len(shared) + 1)).mean())


def _holds(text: str, string: str) -> bool:
    """Whether the string's units stand in the text's; "5" is not in "2015", "committee" is in "committees"."""
    wanted = " ".join(units(string))
    if not wanted:
        return False
    front = r"(?<!\d)" if wanted[0].isdigit() else ""
    back = r"(?!\d)" if wanted[-1].isdigit() else ""
    return re.search(f"{front}{re.escape(wanted)}{back}", " ".join(units(text))) is not None


def _f1(made: Sequence[str], wanted: Sequence[str]) -> float:
    shared = (Counter(made) & Counter(wanted)).total()
    return 2 * shared / (len(made) + len(wanted)) if shared else 0.0


def _mostly_cjk(text: str) -> bool:
    letters = [each for each in text if each.isalpha()]
    return 2 * len(_CJK_LETTER.findall(text)) > len(letters)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
