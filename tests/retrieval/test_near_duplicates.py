"""Documents that say nearly the same."""

import random
from pathlib import Path

import pytest

from rag import Index
from rag.datatypes import Document, Source, State
from rag.models.fakes import HashEmbedder
from rag.pipeline import add_documents
from rag.retrieval import near_duplicates as module
from rag.retrieval.near_duplicates import likeness, near_duplicates, near_duplicates_of, shingles

WORDS = [f"word{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(400)]


def prose(seed: int, length: int = 300) -> list[str]:
    return random.Random(seed).choices(WORDS, k=length)


def index_of(path: Path, texts: dict[str, str]) -> Path:
    items = [(Source("", name, State.INDEXED, name), Document(name, text)) for name, text in texts.items()]
    add_documents(items, path, HashEmbedder())
    return path


def found(path: Path) -> dict[str, dict[str, float]]:
    with Index.open(path) as index:
        return {each.document: dict(each.others) for each in near_duplicates(index)}


def test_editions_are_found_and_others_are_not(tmp_path: Path) -> None:
    first = prose(1)
    second = [*first[:100], "2024", *first[100:], "signed", "by", "the", "board"]
    third = [*first[:250], *prose(9, 12)]
    texts = {"a": " ".join(first), "b": " ".join(second), "c": " ".join(third)}
    texts |= {f"other{number}": " ".join(prose(100 + number)) for number in range(30)}
    groups = found(index_of(tmp_path, texts))
    assert set(groups) == {"b"}
    assert set(groups["b"]) == {"a", "c"}
    assert 0.95 < groups["b"]["a"] <= 1
    assert 0.7 <= groups["b"]["c"] < groups["b"]["a"]


def test_numbers_do_not_make_a_difference_and_words_in_chinese_do(tmp_path: Path) -> None:
    text = "绞车的缆绳每{}周检查一次，由值班技师记录在案，并在月底交给仓库主管。" * 3
    other = "食堂每周二供应面条，价格由厨师长决定，员工凭工牌享受折扣，访客按原价付款。" * 3
    groups = found(index_of(tmp_path, {"old": text.format(*"123"), "new": text.format(*"456"), "canteen": other}))
    assert groups == {"new": {"old": 1.0}} or groups == {"old": {"new": 1.0}}


def test_a_document_without_words_has_no_twin(tmp_path: Path) -> None:
    assert found(index_of(tmp_path, {"a": "...", "b": "***", "c": "one word"})) == {}
    assert len(shingles("…")) == 0
    assert len(shingles("two words")) == 1


def test_an_empty_index_has_none(tmp_path: Path) -> None:
    assert found(index_of(tmp_path, {})) == {}


def test_many_that_are_all_alike_are_one_group(tmp_path: Path) -> None:
    text = prose(3)
    texts = {f"d{number:03}": " ".join([*text, f"number{number}"]) for number in range(60)}
    (group,) = found(index_of(tmp_path, texts)).values()
    assert len(group) == 59


def told(path: Path, documents: list[str]) -> list[tuple[str, str]]:
    with Index.open(path) as index:
        return [(pair.document, pair.other) for pair in near_duplicates_of(index, documents)]


def test_a_new_document_is_told_with_the_one_that_is_most_like_it(tmp_path: Path) -> None:
    first = prose(1)
    texts = {"a": " ".join(first), "b": " ".join([*first[:100], "2024", *first[100:]]), "c": " ".join(prose(9))}
    texts |= {"d": " ".join([*first[:260], *prose(4, 30)]), "e": "...", "f": " ".join(first[:60])}
    index = index_of(tmp_path, texts)
    assert told(index, ["b"]) == [("b", "a")]
    assert told(index, ["a", "b"]) == [("a", "b")]  # a pair is there once
    assert told(index, ["d"]) == [("d", "a")]
    assert told(index, ["c", "e", "f", "gone"]) == []
    assert told(index, ["gone"]) == []
    assert told(index, []) == []


def test_a_short_text_that_is_a_part_of_a_long_one_is_not_like_it() -> None:
    first = prose(1)
    whole, half = shingles(" ".join(first)), shingles(" ".join(first[:200]))
    assert likeness(whole, half) == 1.0
    assert likeness(whole, shingles(" ".join(first[:140]))) == 0.0
    assert likeness(whole, shingles("…")) == 0.0
    assert likeness(shingles("…"), shingles("…")) == 0.0


def test_a_document_that_is_too_long_is_compared_with_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(prose(1))
    index = index_of(tmp_path, {"a": text, "b": f"{text} signed"})
    assert told(index, ["a"]) == [("a", "b")]
    monkeypatch.setattr(module, "LONGEST", len(text))
    assert told(index, ["a"]) == []


def test_documents_are_looked_at_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLAB", 2)
    text = prose(3)
    names = [f"d{number}" for number in range(5)]
    index = index_of(tmp_path, {name: " ".join([*text, f"of{name}"]) for name in names})
    steps: list[int] = []
    with Index.open(index) as opened:
        pairs = near_duplicates_of(opened, names, steps.append)
    assert steps == [2, 2, 1]
    assert {pair.document for pair in pairs} | {pair.other for pair in pairs} == set(names)
