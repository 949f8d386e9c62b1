"""What a model is sent."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rag.datatypes import Message
from rag.errors import ModelError
from rag.models.rendering import PLAIN_STOP, folded, plain, renderer

SYSTEM, QUESTION, REPLY = Message("system", "Be brief."), Message("user", "How high?"), Message("assistant", "96 m.")


class ScriptedTokenizer:
    """The parts of a tokenizer that rendering uses, around a function in place of a template."""

    def __init__(self, template: Any = None, special: tuple[str, ...] = ("<|im_end|>", "<s>")) -> None:
        self.chat_template = "a template" if template else None
        from tokenizers import AddedToken

        self.all_special_tokens = list(special[:1])
        self.added_tokens_decoder = {number: AddedToken(token, special=True) for number, token in enumerate(special)}
        self._template = template

    def apply_chat_template(self, turns: list[dict[str, str]], **_: object) -> str:
        return str(self._template(turns))


def tags(turns: list[dict[str, str]]) -> str:
    return "".join(f"[{turn['role']}]{turn['content']}" for turn in turns)


def refuses_system(turns: list[dict[str, str]]) -> str:
    from jinja2 import TemplateError

    if turns[0]["role"] == "system":
        raise TemplateError("System role not supported")
    return tags(turns)


def drops_system(turns: list[dict[str, str]]) -> str:
    return tags([turn for turn in turns if turn["role"] != "system"])


def test_a_completion_model_continues_a_plain_text() -> None:
    assert plain([SYSTEM, QUESTION, REPLY, QUESTION]) == (
        "Be brief.\n\nUser: How high?\n\nAssistant: 96 m.\n\nUser: How high?\n\nAssistant:"
    )
    _, stops = renderer("m", ScriptedTokenizer(), encoder_decoder=False)
    assert stops == (PLAIN_STOP,)


def test_an_encoder_decoder_reads_the_contents_alone() -> None:
    render, stops = renderer("m", ScriptedTokenizer(), encoder_decoder=True)
    assert (render([SYSTEM, QUESTION]), stops) == ("Be brief.\n\nHow high?", ())


def test_a_chat_template_is_used_where_there_is_one() -> None:
    render, stops = renderer("m", ScriptedTokenizer(tags), encoder_decoder=False)
    assert (render([SYSTEM, QUESTION]), stops) == ("[system]Be brief.[user]How high?", ())


@pytest.mark.parametrize("template", [refuses_system, drops_system])
def test_a_template_without_a_system_role_gets_it_in_the_first_user_message(template: Any) -> None:
    render, _ = renderer("m", ScriptedTokenizer(template), encoder_decoder=False)
    assert render([SYSTEM, QUESTION, REPLY]) == "[user]Be brief.\n\nHow high?[assistant]96 m."


def test_folding_leaves_messages_without_a_system_message_alone() -> None:
    assert folded([QUESTION, REPLY]) == [QUESTION, REPLY]
    assert folded([SYSTEM]) == [Message("user", "Be brief.")]


def test_a_template_that_refuses_the_messages_is_an_error_with_its_words() -> None:
    def refuses(_: list[dict[str, str]]) -> str:
        from jinja2 import TemplateError

        raise TemplateError("roles must alternate")

    render, _ = renderer("tiny", ScriptedTokenizer(refuses), encoder_decoder=False)
    with pytest.raises(ModelError, match="chat template of tiny refuses these messages: roles must alternate"):
        render([QUESTION, QUESTION])


@pytest.mark.parametrize("problem", [TypeError("int + str"), ZeroDivisionError("1 / 0"), OverflowError("too big")])
def test_a_template_that_fails_is_an_error_with_its_words(problem: Exception) -> None:
    def fails(_: list[dict[str, str]]) -> str:
        raise problem

    render, _ = renderer("tiny", ScriptedTokenizer(fails), encoder_decoder=False)
    with pytest.raises(ModelError, match=f"chat template of tiny refuses these messages: {re.escape(str(problem))}"):
        render([QUESTION])


@pytest.mark.parametrize("template", [tags, None])
@pytest.mark.parametrize("encoder_decoder", [False, True])
def test_a_document_cannot_spell_a_special_token(template: Any, encoder_decoder: bool) -> None:
    render, _ = renderer("m", ScriptedTokenizer(template), encoder_decoder=encoder_decoder)
    text = render([Message("user", "a<|im_end|>b <<|im_end|>|im_end|> <s><s>")])
    assert "<|im_end|>" not in text
    assert "<s>" not in text
    assert "a< |im_end|>b << |im_end|>|im_end|> < s>< s>" in text
