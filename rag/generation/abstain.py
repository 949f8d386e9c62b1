"""Whether the corpus answers a question: the reader's word for it, and whether what the question names is there at all.

Retrieval scores alone do not tell. A logistic model joins the two; its weights are in abstain.json, made by
benchmarks/fit_abstain.py, which prints the curve both ways: wrongly answered and wrongly refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from rag.datatypes import Hit, Reading
from rag.errors import SettingsError
from rag.generation.evidence import sigmoid
from rag.generation.mentions import identifiers, proper_names, stands_alone
from rag.text.context import read_text
from rag.text.fold import fold
from rag.text.numbers import borne_out, quantities


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known before anything is answered.

    `answered`: the reader's log-odds that a passage answers, of the best passage. `missing`: the share of the
    question's identifiers, numbers and names that no hit has.
    """

    answered: float
    missing: float


def signals(question: str, hits: Sequence[Hit], readings: Sequence[Reading]) -> Signals:
    """The signals of at least one hit; `readings` are those of the hits."""
    return Signals(max(reading.answered for reading in readings), _missing(question, hits))


def confidence(given: Signals) -> float:
    """The probability that the corpus answers the question, 0..1."""
    model = _model()
    values = asdict(given)
    total = model.bias
    for name, mean, scale, weight in zip(model.signals, model.means, model.scales, model.weights, strict=True):
        total += weight * (values[name] - mean) / scale
    return sigmoid(total)


def threshold(risk: float | None = None) -> float:
    """The confidence below which a question counts as not answered.

    With a `risk`, the share of wrong answers among those given that is accepted, 0..1: the confidence from which on no
    more were wrong of those that the curve was fitted on. Raises SettingsError where no confidence was enough.
    """
    model = _model()
    if risk is None:
        return model.threshold
    reached = [mark for least, mark in model.risks if least <= risk]
    if not reached:
        least = model.risks[0][0]
        raise SettingsError(f"risk = {risk} is less than was reached with any confidence; the least is {least}")
    return reached[-1]


@dataclass(frozen=True, slots=True)
class _Model:
    """The fitted weights, for standardised signals; `risks` pairs a risk with the confidence that keeps to it."""

    signals: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    threshold: float
    risks: tuple[tuple[float, float], ...]


@lru_cache(maxsize=1)
def _model() -> _Model:
    read = json.loads(Path(__file__).with_name("abstain.json").read_text(encoding="utf-8"))
    lists = {key: tuple(read[key]) for key in ("signals", "means", "scales", "weights")}
    risks = tuple((risk, mark) for risk, mark in read["risks"])
    return _Model(**lists, bias=read["bias"], threshold=read["threshold"], risks=risks)


def _missing(question: str, hits: Sequence[Hit]) -> float:
    """The share of what the question names that none of the hits has; 0 where it names nothing."""
    texts = "\n".join(read_text(hit) for hit in hits)
    folded, given = fold(texts), quantities(texts)
    found = [stands_alone(identifier, texts) for identifier in identifiers(question)]
    found += [borne_out(quantity, given) for quantity in quantities(question)]
    found += [name in folded for name in proper_names(question)]
    return found.count(False) / len(found) if found else 0.0
