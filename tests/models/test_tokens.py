"""The small tokenizer over a text's own pieces cuts exactly as the whole one does, and so do remembered words."""

from __future__ import annotations

import random
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rag.models import words as words_module
from rag.models.cache import locate
from rag.models.catalogue import DEFAULT_EMBEDDER
from rag.models.tokens import SPACE, TextTokenizer
from rag.models.words import Words
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


SIGNS = [
    *"ab zé\t\n\r  ",
    "\r\n",
    "  ",
    "\u0301",
    "\u200d",
    "\ufe0f",
    "\u20e3",
    "👍",
    "🏽",
    "\u1100",
    "\u1161",
    "\u200b",
    "\x85",
    "\u2028",
]
SIGNS += [
    "\xa0",
    "\u3000",
    "ไ",
    "\u0e34",
    "ا",
    "\u064b",
    "中",
    "。",
    "ａ",
    "ﬁ",
    "½",
    "\xad",
    "\ufeff",
    "A\u030a",
    "<",
    "s>",
    "▁",
    "\x1c",
    "\x0b",
]
LONG = [*SIGNS, "<s>", "<mask>", "x" * 45, "水泵" * 25]


@settings(max_examples=200)
@given(st.lists(st.lists(st.sampled_from([*"thepumsing 水泵\n", *LONG]), max_size=20).map("".join), max_size=6))
def test_ids_by_words_are_those_of_the_whole_texts(tiny_folder: Path, texts: list[str]) -> None:
    whole = Tokenizer.from_file(str(tiny_folder / "tokenizer.json"))
    words = Words(whole, ["<s>", "</s>", "<pad>", "<unk>", "<mask>"], SPACE)
    expected = [item.ids for item in whole.encode_batch(texts, add_special_tokens=False)]
    assert words.ids(texts) == expected
    assert words.ids([*texts, *texts[:1]]) == [*expected, *expected[:1]]


def test_many_words_and_long_ones_are_forgotten(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_module, "MOST", 3)
    words = Words(Tokenizer.from_file(str(tiny_folder / "tokenizer.json")), ["<s>"], SPACE)
    first = words.ids(["the pump " + "x" * 50])
    assert sorted(words._known) == ["pump", "the"]
    assert words.ids(["the pump " + "x" * 50]) == first
    words.ids(["some thing more"])
    assert not words._known
    assert words.ids(["the pump " + "x" * 50]) == first


def test_threads_share_remembered_words(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_module, "MOST", 5)
    whole = Tokenizer.from_file(str(tiny_folder / "tokenizer.json"))
    words, generator = Words(whole, ["<s>"], SPACE), random.Random(0)
    signs = ["the", "pump", "x" * 50, "水泵", "some", "thing", "ing", "y" * 45]
    texts = [" ".join(generator.choices(signs, k=5)) for _ in range(40)]
    wanted = [item.ids for item in whole.encode_batch(texts, add_special_tokens=False)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(lambda _: [ids for text in texts for ids in words.ids([text])], range(40)):
                assert found == wanted
    finally:
        sys.setswitchinterval(before)


@pytest.mark.models
@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(LONG) | st.characters(exclude_categories=["Cs"]), max_size=20).map("".join), max_size=3
    )
)
def test_the_built_in_tokenizer_gives_the_ids_of_whole_texts_by_words(texts: list[str]) -> None:
    tokenizer = built_in()
    assert tokenizer.ids(texts) == [tokens.ids for tokens in tokenizer.cut(texts)]


@pytest.mark.models
def test_texts_of_many_languages_have_the_same_ids_by_words() -> None:
    tokenizer, corpora = built_in(), Path(__file__).parents[2] / "corpora"
    files = [*corpora.rglob("*.txt"), *corpora.rglob("*.md")]
    texts = [file.read_text(encoding="utf-8")[:4000] for file in files]
    assert len(texts) > 100
    assert tokenizer.ids(texts) == [tokens.ids for tokens in tokenizer.cut(texts)]


@cache
def built_in() -> TextTokenizer:
    """The tokenizer of the built-in embedder, with all of its pieces."""
    folder = locate(DEFAULT_EMBEDDER)
    assert folder is not None
    tokenizer = TextTokenizer(folder)
    tokenizer.cut(["x" * 50_000])
    return tokenizer
