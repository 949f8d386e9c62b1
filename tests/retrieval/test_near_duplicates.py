"""Documents that say nearly the same."""

import random
from pathlib import Path

from rag import Index
from rag.datatypes import Document, Source, State
from rag.models.fakes import HashEmbedder
from rag.pipeline import add_documents
from rag.retrieval.near_duplicates import near_duplicates, shingles

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
