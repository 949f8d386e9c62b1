"""A small set through the whole evaluation, on the library's fakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag import pipeline
from rag.errors import EvaluationError
from rag.evaluation import build, run
from rag.evaluation.run import EvaluationReport, evaluate
from rag.generation.generator import Generator
from rag.index.chunking import Chunking
from rag.models.canned import CannedModel
from rag.models.fakes import HashEmbedder, OverlapReader

TEXTS = {
    "winch": "The rope of the Badger winch is replaced every 18 months.",
    "ferry": "渡轮每天早上七点从青屿码头出发。",
    "oven": "The Ember oven reaches 280 degrees after 40 minutes.",
}
QUERIES = {
    "q1": ("How often is the rope of the Badger winch replaced?", "winch", "18 months"),
    "q2": ("渡轮早上几点出发？", "ferry", "七点"),
    "q3": ("Quid est veritas?", "", ""),
}


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def written(folder: Path, *, files: bool = False) -> Path:
    """The set, with `corpus.jsonl` or with files in `documents/`."""
    folder.mkdir(parents=True)
    if files:
        (folder / "documents" / "sub").mkdir(parents=True)
        for name, text in TEXTS.items():
            (folder / "documents" / "sub" / f"{name}.txt").write_bytes(text.encode())
    else:
        corpus = lines([{"_id": name, "title": "", "text": text} for name, text in TEXTS.items()])
        (folder / "corpus.jsonl").write_bytes(corpus.encode())
    queries = [{"_id": name, "text": text} for name, (text, _, _) in QUERIES.items()]
    (folder / "queries.jsonl").write_bytes(lines(queries).encode())
    answers = [
        {"_id": name, "answers": [gold] if gold else [], "answerable": bool(gold)}
        for name, (_, _, gold) in QUERIES.items()
    ]
    (folder / "answers.jsonl").write_bytes(lines(answers).encode())
    (folder / "qrels").mkdir()
    judged = {name: f"sub/{document}.txt" if files else document for name, (_, document, _) in QUERIES.items()}
    rows = [f"{name}\t{document}\t1\n" for name, document in judged.items() if QUERIES[name][1]]
    (folder / "qrels" / "test.tsv").write_bytes("".join(["query-id\tcorpus-id\tscore\n", *rows]).encode())
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, in a folder of the test."""
    monkeypatch.setattr(build, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def perfect(report: EvaluationReport) -> bool:
    return all(figure.mean == 1.0 for figure in report.metrics.values())


@pytest.mark.parametrize("files", [False, True], ids=["corpus.jsonl", "documents/"])
def test_a_set_is_indexed_searched_and_measured(tmp_path: Path, cache: Path, files: bool) -> None:
    report = evaluate(written(tmp_path / "set", files=files), HashEmbedder(512))
    assert set(report.metrics) == {"ndcg@10", "recall@5", "recall@10", "mrr@10"}
    assert perfect(report)
    assert (report.queries, report.judged, report.answers, report.problems) == (3, 2, None, ())
    assert report.latency_ms["p50"] <= report.latency_ms["p95"]
    assert report.settings["embedder"] == "hash"
    assert cache.is_dir()


def test_a_second_run_finds_its_index_even_where_the_set_was_moved(tmp_path: Path, cache: Path) -> None:
    first = evaluate(written(tmp_path / "set"), HashEmbedder())
    before = sorted(cache.rglob("*"))
    (tmp_path / "set").rename(tmp_path / "moved")
    second = evaluate(tmp_path / "moved", HashEmbedder())
    assert sorted(cache.rglob("*")) == before
    assert second.settings["index"] == first.settings["index"]


@pytest.mark.parametrize("files", [False, True], ids=["corpus.jsonl", "documents/"])
def test_an_index_that_other_code_made_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: bool
) -> None:
    evaluate(written(tmp_path / "set", files=files), HashEmbedder(512))
    monkeypatch.setattr(build, "_code", lambda: "other")
    made: list[Path] = []
    original = build._build

    def watched(*arguments: Any) -> None:
        made.append(arguments[1])
        original(*arguments)

    monkeypatch.setattr(build, "_build", watched)
    assert perfect(evaluate(tmp_path / "set", HashEmbedder(512)))
    assert len(made) == 1
    assert perfect(evaluate(tmp_path / "set", HashEmbedder(512)))
    assert len(made) == 1


def test_another_chunking_has_another_index(tmp_path: Path, cache: Path) -> None:
    written(tmp_path / "set")
    evaluate(tmp_path / "set", HashEmbedder())
    report = evaluate(tmp_path / "set", HashEmbedder(), chunking=Chunking(40, 8))
    assert report.settings["chunk_tokens"] == 40
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 2


def test_an_index_of_ones_own_is_used_and_its_other_documents_do_not_count(tmp_path: Path, cache: Path) -> None:
    written(tmp_path / "set")
    other = written(tmp_path / "other", files=True)
    evaluate(other, HashEmbedder(512), index=tmp_path / "index")
    assert perfect(evaluate(tmp_path / "set", HashEmbedder(512), index=tmp_path / "index"))
    assert not cache.exists()


def test_a_limit_takes_the_first_queries(tmp_path: Path) -> None:
    report = evaluate(written(tmp_path / "set"), HashEmbedder(), limit=1)
    assert (report.queries, report.judged) == (1, 1)


def test_a_judged_document_that_is_not_there_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path / "set")
    with (folder / "qrels" / "test.tsv").open("a", encoding="utf-8") as file:
        file.write("q1\tlost\t1\n")
    report = evaluate(folder, HashEmbedder())
    assert report.problems == ("qrels/test.tsv: 1 documents are not in the index, e.g. 'lost'",)
    assert report.metrics["recall@10"].mean < 1


def test_the_search_deepens_until_ten_documents(tmp_path: Path) -> None:
    folder = written(tmp_path / "set")
    long = " ".join(f"The Badger winch rope number {n} is replaced again." for n in range(400))
    rows = [{"_id": "long", "title": "", "text": long}]
    rows += [{"_id": f"d{n}", "title": "", "text": f"Winch {n} has a rope."} for n in range(20)]
    with (folder / "corpus.jsonl").open("ab") as file:
        file.write(lines(rows).encode())
    asked: list[list[str]] = []
    original = run._deepened

    def watched(*arguments: Any) -> list[str]:
        asked.append(original(*arguments))
        return asked[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "_deepened", watched)
        evaluate(folder, HashEmbedder(512), chunking=Chunking(32, 8))
    assert all(len(documents) == len(set(documents)) == 10 for documents in asked)


def test_a_query_is_searched_and_answered_with_its_history(tmp_path: Path) -> None:
    folder = written(tmp_path / "set")
    history = [{"role": "user", "text": QUERIES["q1"][0]}]
    (folder / "queries.jsonl").write_text(
        lines([{"_id": "q1", "text": "And after how many minutes?", "history": history}]), encoding="utf-8"
    )
    generator = Generator(OverlapReader(), mode="quotes")
    report = evaluate(folder, HashEmbedder(512), generator)
    assert report.metrics["mrr@10"].mean == 1.0
    (folder / "queries.jsonl").write_text(
        lines([{"_id": "q1", "text": "And after how many minutes?"}]), encoding="utf-8"
    )
    assert evaluate(folder, HashEmbedder(512), generator).metrics["mrr@10"].mean < 1.0


def test_answers_are_measured_against_their_gold(tmp_path: Path) -> None:
    embedder = HashEmbedder(512)
    generator = Generator(OverlapReader(), CannedModel({"": "nothing"}), mode="quotes")
    answers = evaluate(written(tmp_path / "set"), embedder, generator).answers
    assert answers is not None
    assert answers.questions == 3
    assert answers.contains is not None
    assert answers.citation_exact in (None, 1.0)
    assert answers.abstention.auroc is not None


def test_a_file_that_gave_no_document_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path / "set", files=True)
    (folder / "documents" / "noise.txt").write_bytes(bytes(range(256)) * 20)
    problems = evaluate(folder, HashEmbedder(512)).problems
    assert len(problems) == 1
    assert "documents/noise.txt: undecodable: " in problems[0]


def test_an_interrupted_build_is_gone_on_with(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(tmp_path / "set")
    original = pipeline.add_documents

    def interrupted(items: list[Any], *rest: Any, **options: Any) -> None:
        original(items[:1], *rest, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build, "add_documents", interrupted)
        with pytest.raises(KeyboardInterrupt):
            evaluate(folder, HashEmbedder(512))
    counted: list[int] = []
    monkeypatch.setattr(
        build, "add_documents", lambda *rest, **options: counted.append(original(*rest, **options).chunks_added)
    )
    assert perfect(evaluate(folder, HashEmbedder(512)))
    assert counted == [2]


def test_an_empty_corpus_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path / "set")
    (folder / "corpus.jsonl").write_bytes(b"\n")
    with pytest.raises(EvaluationError, match="holds no documents"):
        evaluate(folder, HashEmbedder())


def test_a_malformed_line_of_the_corpus_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "set")
    with (folder / "corpus.jsonl").open("ab") as file:
        file.write(b"{")
    with pytest.raises(EvaluationError, match=r"corpus\.jsonl, line 4"):
        evaluate(folder, HashEmbedder())
