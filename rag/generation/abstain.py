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
from typing import TYPE_CHECKING

import numpy as np

from rag.datatypes import Embeddings, Hit
from rag.generation.evidence import MOST_QUOTES, Evidence, max_sim
from rag.generation.mentions import identifiers, names, stands_alone
from rag.text.fold import fold
from rag.text.language import language
from rag.text.numbers import borne_out, quantities
from rag.text.terms import content_words, terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

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

    `dense`, `late`: the best unit's similarity. `hit_dense`, `hit_late`: the first hit's. `late_all`, `late_low`: mean
    and lower fifth of each question token's best match in the first two hits. `lead`: how far the best unit stands
    out. `covered`, `covered_hits`: share of the question's content words, weighted by rarity, in the best units and
    in the first hits. `missing`: share of its identifiers, numbers and names that no hit has. `typed`: 1 where the
    kind of answer asked for (a date, a number, a name) stands in the best units, -1 where not. `foreign`: 1 where
    question and evidence are in different languages.
    """

    dense: float
    late: float
    hit_dense: float
    hit_late: float
    late_all: float
    late_low: float
    lead: float
    covered: float
    covered_hits: float
    missing: float
    typed: float
    foreign: float


def signals(question: str, hits: Sequence[Hit], evidence: Sequence[Evidence], query: Embeddings) -> Signals:
    """The signals; `evidence` are all units of the hits, best first (at least one), `query` has token vectors."""
    best = evidence[:MOST_QUOTES]
    near = [each.tokens for each in evidence if each.unit.place < 2 and len(each.tokens)]
    matched = max_sim(query.tokens[0], np.concatenate(near)) if near else np.zeros(1, np.float32)
    foreign = _foreign(question, best)
    words = content_words(question)
    weights = _rarity(words, evidence)
    scores = hits[0].scores
    return Signals(
        dense=max(each.dense for each in evidence),
        late=max(each.late for each in evidence),
        hit_dense=scores.dense if scores.dense is not None else best[0].dense,
        hit_late=scores.late if scores.late is not None else best[0].late,
        late_all=float(matched.mean()),
        late_low=float(np.quantile(matched, 0.2)),
        lead=best[0].score - float(np.mean([each.score for each in evidence])),
        covered=0.0 if foreign else _covered(words, weights, [each.unit.grounds for each in best]),
        covered_hits=0.0 if foreign else _covered(words, weights, [_whole(hit) for hit in hits[:2]]),
        missing=_missing(question, hits),
        typed=_typed(question, best),
        foreign=float(foreign),
    )


def confidence(given: Signals) -> float:
    """The probability that the corpus answers the question, 0..1."""
    model = _model()
    values = asdict(given)
    total = model.bias
    for name, mean, scale, weight in zip(model.signals, model.means, model.scales, model.weights, strict=True):
        total += weight * (values[name] - mean) / scale
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))


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


def _foreign(question: str, best: Sequence[Evidence]) -> bool:
    asked, given = language(question), language(" ".join(each.text for each in best))
    return bool(asked and given) and asked != given


def _rarity(words: Sequence[tuple[str, ...]], evidence: Sequence[Evidence]) -> list[float]:
    """The inverse document frequency of each word among the units of the hits."""
    held = [set(terms(each.unit.grounds)) for each in evidence]
    frequency = Counter(at for at, forms in enumerate(words) for have in held if have.intersection(forms))
    return [math.log(1 + (len(held) + 0.5) / (frequency[at] + 0.5)) for at in range(len(words))]


def _covered(words: Sequence[tuple[str, ...]], weights: Sequence[float], texts: Sequence[str]) -> float:
    held = {term for text in texts for term in terms(text)}
    total = sum(weights)
    found = sum(weight for forms, weight in zip(words, weights, strict=True) if held.intersection(forms))
    return found / total if total else 0.0


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
