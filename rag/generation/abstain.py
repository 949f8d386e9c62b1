"""Whether the corpus answers a question: a small logistic model over signals of question, hits and evidence.

Retrieval scores alone do not tell. The weights are in abstain.json, made by benchmarks/fit_abstain.py, which prints
the curve both ways: wrongly answered and wrongly refused.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from rag.datatypes import Hit, Reading
from rag.generation.evidence import MOST_QUOTES, Evidence, probability, sigmoid
from rag.generation.mentions import identifiers, names, stands_alone
from rag.text.fold import fold
from rag.text.language import language
from rag.text.numbers import borne_out, quantities
from rag.text.terms import content_words, terms

FLOOR = -6.0
"""Log-odds that stand for a second passage where there is none."""
_WHEN = re.compile(
    r"\bwhen\b|\bwhat (?:year|date|day|month|time)\b|\bwann\b|\bquand\b|\bcuándo\b"
    r"|什么时候|何时|哪年|哪一年|哪天|几点|几月|いつ|متى"
)
_HOW_MANY = re.compile(
    r"\bhow (?:many|much|long|old|far|high|heavy|often|fast|deep|large|big|wide|tall|hot)\b"
    r"|\bwhat (?:percentage|share|number|temperature)\b|\bwie ?viele?\b|\bwie (?:lange?|hoch|schwer|oft|weit)\b"
    r"|\bcombien\b|\bcuánt[oa]s?\b|多少|几[个次天年名人条台小分只种]|多[长久高重大远快深宽]|いくつ|いくら|كم"
    r"|何[個人台時日年回]"
)
_WHO = re.compile(r"\bwho\b|\bwhom\b|\bwhose\b|\bwer\b|\bwem\b|\bqui\b|\bquién\b")


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known before anything is answered. Every signal is a number; larger speaks for an answer or against it.

    `answered`, `second`: the reader's log-odds that a passage answers, of the best passage and the next. `within`: the
    probability of the best unit within its passage. `sharp`: the largest product of a token's start and end there.
    `covered`: share of the question's content words, weighted by rarity, in the best passage; 0 where `foreign`, 1
    where question and passage are in different languages. `missing`: share of its identifiers, numbers and names that
    no hit has. `typed`: 1 where the kind of answer asked for (a date, a number, a name) stands in the best units, -1
    where not.
    """

    answered: float
    second: float
    within: float
    sharp: float
    covered: float
    foreign: float
    missing: float
    typed: float


def signals(question: str, hits: Sequence[Hit], readings: Sequence[Reading], evidence: Sequence[Evidence]) -> Signals:
    """The signals; `readings` are those of the hits, `evidence` all units of them, best first (at least one)."""
    best = evidence[:MOST_QUOTES]
    ranked = sorted((reading.answered for reading in readings), reverse=True)
    place = evidence[0].unit.place
    reading, hit = readings[place], hits[place]
    foreign = _foreign(question, hit)
    return Signals(
        answered=ranked[0],
        second=ranked[1] if len(ranked) > 1 else min(ranked[0], FLOOR),
        within=evidence[0].score / max(probability(reading), 1e-9),
        sharp=float(reading.starts.max() * reading.ends.max()) if len(reading.starts) else 0.0,
        covered=0.0 if foreign else _covered(question, evidence, hit),
        foreign=float(foreign),
        missing=_missing(question, hits),
        typed=_typed(question, best),
    )


def confidence(given: Signals) -> float:
    """The probability that the corpus answers the question, 0..1."""
    model = _model()
    values = asdict(given)
    total = model.bias
    for name, mean, scale, weight in zip(model.signals, model.means, model.scales, model.weights, strict=True):
        total += weight * (values[name] - mean) / scale
    return sigmoid(total)


def threshold() -> float:
    """The confidence below which a question counts as not answered."""
    return _model().threshold


@dataclass(frozen=True, slots=True)
class _Model:
    """The fitted weights, for standardised signals."""

    signals: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    threshold: float


@lru_cache(maxsize=1)
def _model() -> _Model:
    read = json.loads(Path(__file__).with_name("abstain.json").read_text(encoding="utf-8"))
    lists = {key: tuple(read[key]) for key in ("signals", "means", "scales", "weights")}
    return _Model(**lists, bias=read["bias"], threshold=read["threshold"])


# ---------------------------------------------------------------- the signals that need reading


def _whole(hit: Hit) -> str:
    return "\n".join([*hit.chunk.heading, hit.chunk.table_header, hit.text])


def _foreign(question: str, hit: Hit) -> bool:
    asked, given = language(question), hit.chunk.language or language(hit.text)
    return bool(asked and given) and asked != given


def _covered(question: str, evidence: Sequence[Evidence], hit: Hit) -> float:
    """The share of the question's words, weighted by their rarity among all units, that the passage holds."""
    words = content_words(question)
    weights = _rarity(words, evidence)
    held = set(terms(_whole(hit)))
    found = sum(weight for forms, weight in zip(words, weights, strict=True) if held.intersection(forms))
    total = sum(weights)
    return found / total if total else 0.0


def _rarity(words: Sequence[tuple[str, ...]], evidence: Sequence[Evidence]) -> list[float]:
    """The inverse document frequency of each word among the units of the hits."""
    held = [set(terms(each.unit.grounds)) for each in evidence]
    frequency = Counter(at for at, forms in enumerate(words) for have in held if have.intersection(forms))
    return [math.log(1 + (len(held) + 0.5) / (frequency[at] + 0.5)) for at in range(len(words))]


def _missing(question: str, hits: Sequence[Hit]) -> float:
    """The share of what the question names that none of the hits has; 0 where it names nothing."""
    texts = "\n".join(_whole(hit) for hit in hits)
    folded, given = fold(texts), quantities(texts)
    found = [stands_alone(identifier, texts) for identifier in identifiers(question)]
    found += [borne_out(quantity, given) for quantity in quantities(question)]
    if language(question) != "de":
        found += [name in folded for name in names(question)]
    return found.count(False) / len(found) if found else 0.0


def _typed(question: str, best: Sequence[Evidence]) -> float:
    asked = fold(question)
    text = "\n".join(each.unit.grounds for each in best)
    known = quantities(question)
    new = [quantity for quantity in quantities(text) if not borne_out(quantity, known)]
    if _WHEN.search(asked):
        dated = any(each.kind in ("date", "time") or "year" in each.units or _is_year(each.readings) for each in new)
        return 1.0 if dated else -1.0
    if _HOW_MANY.search(asked):
        return 1.0 if new else -1.0
    if _WHO.search(asked) and language(text) not in ("zh", "ja", "ko", "ar", "th"):
        return 1.0 if set(names(text, initial=True)) - set(names(question, initial=True)) else -1.0
    return 0.0


def _is_year(readings: frozenset[str]) -> bool:
    return any(reading.isdigit() and 1000 <= int(reading[:5]) <= 2999 for reading in readings)
