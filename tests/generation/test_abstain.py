"""Whether the corpus answers: what the reader says, and what the question names that is nowhere."""

from __future__ import annotations

import numpy as np
import pytest

from rag.datatypes import Chunk, Hit, Reading, Scores
from rag.errors import SettingsError
from rag.generation.abstain import Signals, confidence, signals, threshold

TEXT = "Fault E-118 of the Heron pump: 1,200 litres are lost. Ask Dagny Roper."


def hit(text: str, heading: tuple[str, ...] = (), table_header: str = "") -> Hit:
    chunk = Chunk("c", "d", 0, len(text), text, heading, table_header=table_header)
    return Hit(chunk, 1.0, Scores(0.9, 7.0, 0.6), "/docs/d.md", text, 0, len(text), ())


def reading(answered: float) -> Reading:
    return Reading(answered, ((0, 1),), np.ones(1, np.float32), np.ones(1, np.float32))


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("What does E-118 mean?", 0.0),
        ("What does E-119 mean?", 1.0),
        ("Is E-118 or E-119 worse?", 0.5),
        ("Who loses 1200 litres?", 0.0),
        ("Who loses 1300 litres?", 1.0),
        ("how is it mended?", 0.0),  # names nothing
        ("What do I ask Dagny Roper?", 0.0),
        ("What do I ask Odell Marsh?", 1.0),
    ],
)
def test_what_the_question_names_and_no_hit_has_is_counted(question: str, missing: float) -> None:
    assert signals(question, [hit("Nothing."), hit(TEXT)], [reading(0.0), reading(0.0)]).missing == missing


def test_headings_and_the_head_of_a_table_count_as_said() -> None:
    given = signals("What is KX-204 of MF-6?", [hit("| 1 |", ("Manual KX-204",), "| MF-6 |")], [reading(0.0)])
    assert given.missing == 0.0


def test_a_german_noun_is_no_name() -> None:
    assert signals("Wie teuer ist die Fahrkarte nach Lindau?", [hit(TEXT)], [reading(0.0)]).missing == 0.0


def test_the_best_passage_decides() -> None:
    assert signals("how?", [hit(TEXT)] * 3, [reading(-3.0), reading(2.5), reading(0.0)]).answered == 2.5


def test_confidence_is_a_probability_that_rises_with_the_reader_and_falls_with_what_is_missing() -> None:
    rising = [confidence(Signals(answered, 0.0)) for answered in (-8.0, -2.0, 0.0, 2.0, 8.0)]
    assert rising == sorted(rising)
    assert 0.0 < rising[0] < threshold() < rising[-1] < 1.0
    assert confidence(Signals(1.0, 1.0)) < confidence(Signals(1.0, 0.5)) < confidence(Signals(1.0, 0.0))


def test_a_reading_that_is_no_number_is_no_confidence() -> None:
    assert confidence(signals("how?", [hit(TEXT)], [reading(float("nan"))])) < threshold()


def test_a_smaller_risk_asks_for_more_confidence() -> None:
    marks = [threshold(risk) for risk in (0.1, 0.2, 0.3, 0.5)]
    assert marks == sorted(marks, reverse=True)
    assert marks[0] > marks[-1]


def test_a_risk_that_no_confidence_reaches_names_the_least() -> None:
    with pytest.raises(SettingsError, match=r"risk = 0.001 is less than .* the least is 0\.\d+"):
        threshold(0.001)
