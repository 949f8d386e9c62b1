"""What a model is told, and the user's own words in its place."""

from __future__ import annotations

import pytest

from rag.datatypes import Message, Template
from rag.errors import SettingsError
from rag.generation.templates import PLACES, TEMPLATES, conversation, customised


def test_every_template_has_all_that_can_be_filled_in() -> None:
    assert TEMPLATES.keys() == PLACES.keys()
    for task, template in TEMPLATES.items():
        assert all(f"{{{place}}}" in template.user for place in PLACES[task]), task
        # Put into rag.toml as it is printed, it stands every check.
        customised({task: {"system": template.system, "user": template.user, "examples": [], "reasoning": False}})


def test_what_a_user_leaves_out_stays_ours() -> None:
    templates = customised({"answer": {"system": "You are the night porter."}})
    assert templates["answer"].system == "You are the night porter."
    assert templates["answer"].user == TEMPLATES["answer"].user
    assert templates["compare"] is TEMPLATES["compare"]


def test_examples_stand_before_the_question_and_turns_between_them() -> None:
    template = customised({"answer": {"examples": [{"user": "E?", "assistant": "E [1]."}]}})["answer"]
    turns = (Message("user", "Before?"), Message("assistant", "Before."))
    messages = conversation(template, {"question": "Now?", "excerpts": "X", "language": "English"}, turns)
    assert [message.role for message in messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert messages[1].content == "E?"
    assert messages[3] == turns[0]
    assert "Question: Now?" in messages[-1].content


def test_braces_that_are_no_place_stay() -> None:
    template = Template('Reply as {"a": 1}.', "{excerpts} {question}")
    system, user = conversation(template, {"question": "What is {language}?", "excerpts": "E", "language": "Dutch"})
    assert system.content == 'Reply as {"a": 1}.'
    assert user.content == "E What is {language}?"  # what is filled in is not filled in again


def test_reasoning_is_asked_for() -> None:
    told = customised({"answer": {"reasoning": True}})["answer"]
    assert conversation(told, {})[-1].content.count("<think>") == 1


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"anser": {}}, "no such task; there are answer, chat"),
        ({"answer": {"sytem": "x"}}, "sytem in .prompts.answer.: there is no such key; there are system, user"),
        ({"answer": {"user": "{excerpts}"}}, "leaves out {question}: the model would not see it"),
        ({"answer": {"user": "{excerpts} {question} {answer}"}}, "has {answer}; there is {excerpts}, {language}"),
        ({"answer": {"system": "{answer}"}}, "has {answer}"),
        ({"answer": {"system": 3}}, "have to be texts"),
        ({"answer": {"reasoning": "yes"}}, "is not true or false: 'yes'"),
        ({"answer": {"examples": {"user": "a"}}}, "has to be a list such as"),
        ({"answer": {"examples": ["a"]}}, "has to be a list such as"),
    ],
)
def test_a_template_that_cannot_be_used_says_why(table: dict[str, dict[str, object]], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        customised(table)
