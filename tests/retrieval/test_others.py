"""Keyword search and related documents, over a real index with the library's fake embedder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import FilterError
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest
from rag.retrieval.others import search_words, similar
from rag.retrieval.retriever import Retriever
from rag.retrieval.scan import scan

WINCH = "# Winch\n\nThe rope of the winch is replaced every {} months.\n\n# Drum\n\nThe drum holds {} m of line."
FILES = {
    "winch.md": WINCH.format(18, 240),
    "winch-old.md": WINCH.format(24, 200),
    "crane.txt": "The rope of the crane is replaced every year.",
    "ferry.txt": "Ferries leave at seven and at nine. A ticket is three crowns.",
    "copy.txt": "Ferries leave at seven and at nine. A ticket is three crowns.",
    **{f"oven-{number}.txt": f"Oven {number} bakes at {200 + number} degrees." for number in range(5)},
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("others")
    (folder / "docs").mkdir()
    for name, text in FILES.items():
        (folder / "docs" / name).write_text(text)
    ingest([folder / "docs"], folder / "index", HashEmbedder(), chunking=Chunking(max_tokens=16, context_tokens=8))
    with Index.open(folder / "index") as opened:
        yield opened


@pytest.mark.parametrize("name", ["ferry.txt", "copy.txt"])
def test_the_source_of_a_hit_is_a_place_that_the_filter_names(index: Index, name: str) -> None:
    where, ferries = f"source = {name}", document(index, "ferry.txt")
    hits = [
        *search_words(index, "ferries", 1, where=where),
        *Retriever(index, HashEmbedder()).retrieve("When do ferries leave?", 1, where=where),
        *similar(index, document(index, "crane.txt"), 1, where=where),
    ]
    assert [(hit.chunk.document, *names([hit])) for hit in hits] == [(ferries, name)] * 3
    assert {Path(copy).name for hit in hits for copy in hit.copies} == {"ferry.txt", "copy.txt"} - {name}
    found = scan(index, "ferries", where=where, most=3)
    assert found is not None
    assert names(found.hits) == [name]


def document(index: Index, name: str) -> str:
    return next(source.document or "" for source in index.all_sources() if source.path == name)


def names(hits: object) -> list[str]:
    return [Path(hit.source).name for hit in hits]  # type: ignore[attr-defined]


def test_a_silly_k_is_refused(index: Index) -> None:
    with pytest.raises(ValueError, match="at least one hit"):
        search_words(index, "rope", 0)


def test_keyword_search_finds_only_what_holds_a_word(index: Index) -> None:
    hits = search_words(index, "winch rope", 10)
    assert {"winch.md", "winch-old.md", "crane.txt"} == set(names(hits))
    assert all("rope" in hit.text or "winch" in hit.text for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert [(hit.scores.dense, hit.scores.late) for hit in hits] == [(None, None)] * len(hits)
    assert [hit.scores.lexical for hit in hits] == [hit.score for hit in hits]
    assert search_words(index, "zeppelin") == []


def test_keyword_search_takes_a_filter_and_groups(index: Index) -> None:
    assert names(search_words(index, "winch rope", 10, where="format = txt")) == ["crane.txt"]
    assert len(search_words(index, "winch rope drum", 10)) == 5
    assert sorted(names(search_words(index, "winch rope drum", 2, group=True))) == ["winch-old.md", "winch.md"]
    with pytest.raises(FilterError, match="no field 'colour'"):
        search_words(index, "rope", where="colour = red")


def test_the_other_edition_of_a_document_is_the_most_like_it(index: Index) -> None:
    hits = similar(index, document(index, "winch.md"), 3)
    assert names(hits)[0] == "winch-old.md"
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(hit.scores.dense is not None and hit.scores.dense >= hit.score - 1e-6 for hit in hits)
    assert sorted(names(similar(index, document(index, "winch.md"), 9))) == sorted(
        set(FILES) - {"winch.md", "ferry.txt"}
    )


def test_related_documents_take_a_filter(index: Index) -> None:
    assert names(similar(index, document(index, "winch.md"), 1, where="format = txt")) == ["crane.txt"]
    assert similar(index, document(index, "winch.md"), where="source = winch.md") == []
    assert similar(index, document(index, "winch.md"), where="language = fr") == []
