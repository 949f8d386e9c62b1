"""Whole documents in a few sentences: what says most, or prose of which every sentence stands on the document."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.datatypes import Chunk, Hit, Message, Scores
from rag.generation.generator import Generator
from rag.generation.salience import salient
from rag.generation.summary import summarize
from rag.generation.units import units
from rag.models.canned import CannedModel
from rag.models.fakes import OverlapReader

FACTS = [f"The pump number {number} is checked every {number + 2} weeks by team {number}." for number in range(40)]
TEXT = (
    "# Heron pump\n\nThe Heron pump lifts sea water into the tank. The weather was fine. "
    "The pump lifts 40 litres of sea water a second into the tank of the plant.\n\n"
    "# Care\n\nThe filter of the pump is cleaned every week. Somebody once sang.\n"
)


def hits(text: str, document: str = "d1") -> list[Hit]:
    chunk = Chunk(f"{document}:0", document, 0, len(text), text, ())
    return [Hit(chunk, 0.0, Scores(), f"/docs/{document}.md", text, 0, len(text))]


def quoting() -> Generator:
    return Generator(OverlapReader())


def test_a_summary_in_quotes_is_the_documents_own_words_in_their_order() -> None:
    answer = summarize(hits(TEXT), quoting(), sentences=3)
    assert (answer.answered, answer.mode, answer.question, answer.hits) == (True, "quotes", "", ())
    assert len(answer.sentences) == 3
    assert [citation.start for citation in answer.citations] == sorted(citation.start for citation in answer.citations)
    for sentence, citation in zip(answer.sentences, answer.citations, strict=True):
        assert TEXT[citation.start : citation.end] == citation.quote == sentence.text
    assert "3 of 5 sentences, rows and items; documents cited: 1 of 1." in answer.completeness


def test_what_a_text_comes_back_to_is_chosen_and_asides_are_not() -> None:
    answer = summarize(hits(TEXT), quoting(), sentences=3)
    assert "The weather was fine." not in answer.text
    assert "Somebody once sang." not in answer.text


def test_nothing_is_said_twice_while_there_is_something_else() -> None:
    said = "The pump lifts sea water into the tank."
    answer = summarize(hits(f"{said} {said} The gauge shows red."), quoting(), sentences=2)
    assert answer.text.splitlines() == [said, "The gauge shows red."]


def test_several_documents_are_summarised_together() -> None:
    answer = summarize([*hits(TEXT), *hits("The crane is 20 m high.", "d2")], quoting(), sentences=5)
    assert {citation.document for citation in answer.citations} == {"d1", "d2"}
    assert "documents cited: 2 of 2" in answer.completeness


def test_no_text_is_no_summary() -> None:
    answer = summarize([], quoting())
    assert (answer.answered, answer.text) == (False, "There is no text to summarise.")
    with pytest.raises(ValueError, match="has one at least"):
        summarize(hits(TEXT), quoting(), sentences=0)


@given(st.text(max_size=400), st.integers(1, 6))
def test_never_more_than_was_wanted_and_all_where_there_are_no_more(text: str, count: int) -> None:
    found = units(hits(text)) if text else []
    chosen = salient(found, count)
    assert len(chosen) == min(count, len(found))
    assert chosen == sorted(set(chosen))


def echo(messages: Sequence[Message]) -> str:
    """Says every other excerpt again, with its number, and something that none of them says."""
    excerpts = re.findall(r'number="(\d+)" key="\w+">(?:[^<:]*: )?([^<]+)<', messages[-1].content)
    said = " ".join(f"{text} [{number}]." for number, text in excerpts[::2])
    return f"The plant was built in 1850 [1]. {said}".replace("..", ".").replace(". [", " [")


def test_prose_is_made_in_rounds_until_one_prompt_holds_the_evidence() -> None:
    text = " ".join(FACTS)
    model = CannedModel(echo, context_tokens=400)
    answer = summarize(hits(text), Generator(OverlapReader(), model), sentences=4)
    assert answer.mode == "prose"
    assert len(model.prompts) > 3
    assert 1 <= len(answer.sentences) <= 4
    for sentence in answer.sentences:
        assert sentence.supported
        assert f"{sentence.text}" in FACTS
    for citation in answer.citations:
        assert text[citation.start : citation.end] == citation.quote
    assert any("1850" in dropped for dropped in answer.dropped)
    assert answer.prompt == "\n\n".join(model.prompts)
    assert "at most 4 sentences" in model.prompts[0]
    assert "in English" in model.prompts[0]
    assert answer.omitted == ()


def test_what_no_document_bears_out_leaves_the_quotes() -> None:
    model = CannedModel({"": "The pump was built by Marie Curie in 1911 [1]."})
    answer = summarize(hits(TEXT), Generator(OverlapReader(), model), sentences=2)
    assert answer.mode == "quotes"
    assert answer.dropped == ("The pump was built by Marie Curie in 1911 [1].",)
    assert len(answer.sentences) == 2


def test_what_fits_into_no_prompt_is_reported() -> None:
    long = "The pump " + "very " * 600 + "slowly lifts water."
    model = CannedModel(echo, context_tokens=400)
    answer = summarize(hits(f"{FACTS[0]} {long} {FACTS[1]}"), Generator(OverlapReader(), model))
    assert answer.omitted == (long,)
