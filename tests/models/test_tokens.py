"""The small tokenizer over a text's own pieces cuts exactly as the whole one does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rag.models.cache import locate
from rag.models.catalogue import DEFAULT_EMBEDDER
from rag.models.tokens import TextTokenizer
from tests.models.encoder_fixtures import tiny_file, tiny_folder
from tests.models.tiny_encoder import NORMALISATION

__all__ = ["tiny_file", "tiny_folder"]

TEXTS = st.lists(st.text(st.sampled_from([*"thepumsing 水泵的xyZé▁<>/", *NORMALISATION]), max_size=40), max_size=4)


@settings(max_examples=200)
@given(TEXTS)
def test_short_texts_are_cut_as_by_the_whole_tokenizer(tiny_folder: Path, texts: list[str]) -> None:
    whole = Tokenizer.from_file(str(tiny_folder / "tokenizer.json"))
    found = TextTokenizer(tiny_folder).cut(texts)
    expected = whole.encode_batch(texts, add_special_tokens=False)
    assert [tokens.ids for tokens in found] == [item.ids for item in expected]
    assert [tokens.offsets for tokens in found] == [item.offsets for item in expected]


def test_texts_that_spell_special_tokens_are_cut_alike(tiny_folder: Path) -> None:
    whole = Tokenizer.from_file(str(tiny_folder / "tokenizer.json"))
    text = "the <s> pump</s> <mask>ing"
    found = TextTokenizer(tiny_folder).cut([text])[0]
    assert found.ids == whole.encode(text, add_special_tokens=False).ids


def test_offsets_are_ranges_of_the_text(tiny_folder: Path) -> None:
    text = "the ﬁ\u3000水泵"
    offsets = TextTokenizer(tiny_folder).cut([text])[0].offsets
    assert [text[start:end] for start, end in offsets] == ["the", " ", "ﬁ", "ﬁ", "\u3000", "水泵"]


def test_long_jobs_load_the_whole_tokenizer_and_cut_alike(tiny_folder: Path) -> None:
    tokenizer = TextTokenizer(tiny_folder)
    before = tokenizer.cut(["the pump"])
    tokenizer.cut(["x" * 50_000])
    assert tokenizer.cut(["the pump"]) == before


@pytest.mark.models
@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=3))
def test_the_built_in_tokenizer_cuts_any_short_text_as_the_whole_one(texts: list[str]) -> None:
    folder = locate(DEFAULT_EMBEDDER)
    assert folder is not None
    if not _WHOLE:
        _WHOLE.append(Tokenizer.from_file(str(folder / "tokenizer.json")))
    found = TextTokenizer(folder).cut(texts)
    expected = _WHOLE[0].encode_batch(texts, add_special_tokens=False)
    assert [(tokens.ids, tokens.offsets) for tokens in found] == [(item.ids, item.offsets) for item in expected]


_WHOLE: list[Tokenizer] = []
