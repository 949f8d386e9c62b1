"""Quoted phrases: read from a question, and found as they are typed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest
from rag.retrieval.fuse import Fusion
from rag.retrieval.others import search_words
from rag.retrieval.phrases import holding, holds, quoted, shares
from rag.retrieval.retriever import Retriever
from rag.text.terms import phrase_words


@pytest.mark.parametrize(
    ("question", "phrases"),
    [
        ('who said "No Slip rope"?', ("no slip rope",)),
        ("“双人作业”是什么意思？", ("双人作业",)),
        ('什么是"双人作业"？', ("双人作业",)),
        ("「下栏」是指什么？『堂区』呢", ("下栏", "堂区")),
        ("Was heißt „Stille Post“ hier?", ("stille post",)),
        ("que veut dire « la marée  haute » ?", ("la marée haute",)),
        ('called "the Methodists?" and "the Methodists"', ("the methodists",)),
        ('a 3" pipe next to a 5" one', ()),
        ('nothing in "" or in " ?! "', ()),
        ('an "open one', ()),
        ("ＫＸ in “ＫＸ－２０４”", ("kx-204",)),
        ('"हिन्दी"', ("हिन्दी",)),
        ("“ดี”", ("ดี",)),
    ],
)
def test_phrases_stand_in_quotation_marks_of_any_kind(question: str, phrases: tuple[str, ...]) -> None:
    assert quoted(question) == phrases


@pytest.mark.parametrize(
    ("text", "phrase", "held"),
    [
        ("It has a No-Slip\n rope.", "no-slip rope", True),
        ("It has a rope, no slip.", "no slip rope", False),
        ("The cooperative winches", "winch", False),
        ("The winch_2 and the winch.", "winch", True),
        ("规定双人作业时", "双人作业", True),
        ("kx-2041", "kx-204", False),
        ("c++ (2011)", "c++", True),
        ("根据2024年的销售", "2024年", True),
        ("我用iphone手机", "iphone", True),
        ("12024年", "2024年", False),
        ("costs 1,200.5 crowns", "costs 1", False),
        ("costs 1,200.5 crowns", "5 crowns", False),
        ("costs 1, 2 or 3.", "3", True),
        ("रामू यहाँ है", "राम", False),
        ("यहाँ राम है।", "राम", True),
        ("हिन्दू", "हिन्दी", False),
        ("كتبَ الرسالة", "كتب", True),
        ("l'homme", "l", False),
        ("the 'winch' rope", "winch", True),
    ],
)
def test_a_text_holds_a_phrase_word_for_word(text: str, phrase: str, held: bool) -> None:
    assert holds(text, phrase) is held


FILES = {
    "a.txt": "The rope of the winch is a no slip one. Its slip was measured, and no rope came loose.",
    "b.txt": "A no slip rope is on the drum.",
    "c.txt": "No rope may slip; slip of a rope is to be told; rope, rope, slip, slip, no.",
    "d.txt": "The ferry leaves at seven.",
    **{f"e{n}.txt": f"The slip rope {n} has no number." for n in range(20)},
}


@pytest.fixture
def index(tmp_path: Path) -> Index:
    (tmp_path / "docs").mkdir()
    for name, text in FILES.items():
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    ingest([tmp_path / "docs"], tmp_path / "index", HashEmbedder(), chunking=Chunking(64, 8))
    return Index.open(tmp_path / "index")


def test_keyword_search_finds_only_what_holds_every_phrase(index: Index) -> None:
    with index:
        found = search_words(index, '"no slip" rope', 9)
        assert {Path(hit.source).name for hit in found} == {"a.txt", "b.txt"}
        assert [Path(hit.source).name for hit in search_words(index, '"no slip" "the drum"', 9)] == ["b.txt"]
        assert search_words(index, '"slip no rope"', 9) == []


def test_a_search_puts_what_holds_the_phrase_first(index: Index) -> None:
    with index:
        retriever = Retriever(index, HashEmbedder())
        assert Path(retriever.retrieve('"no slip rope"', 3)[0].source).name == "b.txt"
        assert len(retriever.retrieve('where is "the anchor of the quay"', 3)) == 3  # what nobody holds hides nothing


def test_shares_are_of_the_words_of_the_question(index: Index) -> None:
    with index:
        rows = holding(index, "no slip rope")
        assert [Path(index.sources(chunk.document)[0].path).name for chunk in index.chunks(rows.tolist())] == ["b.txt"]
        documents = [source.document or "" for source in index.all_sources()]
        everything = np.array(sorted(row for document in documents for row in index.rows_of(document)))
        held = {"no slip rope": rows}
        alone = shares(index, '"no slip rope"', held, everything)
        assert sorted(set(alone.tolist())) == [0, 1]
        assert int(alone.argmax()) == int(np.searchsorted(everything, rows[0]))
        within = shares(index, 'does the "no slip rope" leave with the ferry', held, everything)
        assert 0 < within.max() < 1
        assert not shares(index, "rope", {}, everything).any()


def test_a_phrase_is_found_however_many_have_its_words(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for n in range(300):
        (tmp_path / "docs" / f"{n}.txt").write_text(f"{n}: by the people, written.", encoding="utf-8")
    filler = "A long text of other things. " * 6
    (tmp_path / "docs" / "right.txt").write_text(f"{filler} It was written by the people. {filler}", encoding="utf-8")
    ingest([tmp_path / "docs"], tmp_path / "index", HashEmbedder(), chunking=Chunking(200, 8))
    with Index.open(tmp_path / "index") as opened:
        assert [Path(hit.source).name for hit in search_words(opened, '"written by the people"', 9)] == ["right.txt"]
        alone = Fusion(dense=0, lexical=0, late=0)
        found = Retriever(opened, HashEmbedder(), fusion=alone).retrieve('what was "written by the people"', 3)
        assert Path(found[0].source).name == "right.txt"


def test_only_so_many_are_read_for_a_phrase(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.retrieval.phrases.MOST", 3)
    with index:
        assert 0 < len(holding(index, "slip rope")) <= 3


TEXTS = (
    "人的一生是漫长的，第3季度的销售，根据2024年的报告。大和民族的历史，我是谁？我用iphone手机。",
    "Suomalaisten kirjastojen kokoelmat ovat kasvaneet viime vuosina, ja niiden käyttö on lisääntynyt.",
    "De gemeentelijke belastingen zijn in het afgelopen jaar niet verhoogd, maar de kosten zijn gestegen.",
    "Er sagte dabei: the quality of mercy is not strained, und alle haben es gleich verstanden.",
    "Zbiory polskich bibliotek rosły szybko, a ich czytelnicy przychodzili coraz częściej niż dawniej.",
    "The part KX-204-B costs 1,200.5 crowns; write to ada@example.org or read report_v2.pdf (l'homme).",
    "ร้านกาแฟเปิดเจ็ดโมงเช้าทุกวัน และปิดตอนหกโมงเย็น",
    "サーバーの再起動は毎週日曜日の深夜に行われます。",
)


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("languages")
    (folder / "docs").mkdir()
    for number, text in enumerate(TEXTS):
        (folder / "docs" / f"{number}.txt").write_text(text, encoding="utf-8")
    ingest([folder / "docs"], folder / "index", HashEmbedder(), chunking=Chunking(200, 8))
    with Index.open(folder / "index") as index:
        yield index


@given(st.sampled_from(TEXTS), st.data())
@settings(deadline=None, max_examples=300)
def test_whatever_stands_in_a_text_is_found_in_it(languages: Index, text: str, data: st.DataObject) -> None:
    """Any slice at the bounds of words, in any language, however the words around it were cut and stemmed."""
    start = data.draw(st.integers(0, len(text) - 2))
    end = data.draw(st.integers(start + 2, len(text)))
    for phrase in quoted(f"“{text[start:end]}”"):
        if holds(text, phrase) and phrase_words(phrase):
            found = languages.chunks(holding(languages, phrase).tolist())
            assert text in [chunk.text.strip() for chunk in found]


def test_a_phrase_of_common_words_and_a_rare_word_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for n in range(8):
        (tmp_path / "docs" / f"{n}.txt").write_text(f"The annual report, number {n}.", encoding="utf-8")
    (tmp_path / "docs" / "other.txt").write_text("A zeppelin.", encoding="utf-8")
    ingest([tmp_path / "docs"], tmp_path / "index", HashEmbedder())
    with Index.open(tmp_path / "index") as index:
        found = search_words(index, '"annual report" zeppelin', 5)
        assert len(found) == 5
        assert all("annual report" in hit.text for hit in found)
