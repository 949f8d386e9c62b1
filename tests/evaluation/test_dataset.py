"""An evaluation set is checked when it is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.datatypes import Message
from rag.errors import EvaluationError
from rag.evaluation.dataset import Gold, read_set

QUERIES = '{"_id": "q1", "text": "one?"}\n{"_id": "q2", "text": "two?"}\n'
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\n"
ANSWERS = '{"_id": "q1", "answers": ["1"], "answerable": true}\n{"_id": "q2", "answers": [], "answerable": false}\n'


def written(folder: Path, **files: str) -> Path:
    contents = {"corpus.jsonl": "", "queries.jsonl": QUERIES, "qrels/test.tsv": QRELS, "answers.jsonl": ANSWERS}
    contents |= {name.replace("_", "."): text for name, text in files.items() if name != "qrels"}
    if "qrels" in files:
        contents["qrels/test.tsv"] = files["qrels"]
    for name, text in contents.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    return folder


def test_a_set_has_queries_judgements_above_zero_and_answers(tmp_path: Path) -> None:
    dataset = read_set(written(tmp_path))
    assert [query.id for query in dataset.queries] == ["q1", "q2"]
    assert dataset.qrels == {"q1": {"d1": 1}}
    assert dataset.answers == {"q1": Gold(("1",), True), "q2": Gold((), False)}
    assert dataset.corpus_file == tmp_path / "corpus.jsonl"
    assert dataset.problems == ()


def test_judgements_may_stand_without_a_header(tmp_path: Path) -> None:
    assert read_set(written(tmp_path, qrels="q1\td1\t2\r\n")).qrels == {"q1": {"d1": 2}}


def test_a_folder_of_documents_stands_in_for_the_corpus_file(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "corpus.jsonl").unlink()
    (tmp_path / "documents").mkdir()
    dataset = read_set(tmp_path)
    assert dataset.corpus_file is None
    assert dataset.documents == tmp_path / "documents"


def test_only_the_first_queries_that_can_be_measured_are_taken(tmp_path: Path) -> None:
    queries = '{"_id": "q0", "text": "not judged"}\n' + QUERIES
    assert [query.id for query in read_set(written(tmp_path, queries_jsonl=queries), limit=1).queries] == ["q1"]


def test_a_text_may_hold_any_unicode_line_separator(tmp_path: Path) -> None:
    text = "one\u2028two\u0085three\x0b"
    queries = json.dumps({"_id": "q1", "text": text}, ensure_ascii=False).replace("\\u000b", "\x0b")
    with pytest.raises(EvaluationError, match="line 1: not JSON"):
        read_set(written(tmp_path, queries_jsonl=queries))  # a raw control character is not JSON
    queries = json.dumps({"_id": "q1", "text": text}, ensure_ascii=False) + "\n"
    assert read_set(written(tmp_path, queries_jsonl=queries)).queries[0].text == text


def test_facts_are_groups(tmp_path: Path) -> None:
    answers = '{"_id": "q1", "answers": [], "answerable": true, "facts": [["a", "b"], ["c"]]}'
    assert read_set(written(tmp_path, answers_jsonl=answers)).answers["q1"].facts == (("a", "b"), ("c",))


def test_judgements_of_unknown_queries_are_told_and_histories_read(tmp_path: Path) -> None:
    queries = '{"_id": "q1", "text": "one?", "history": [{"role": "user", "text": "zero?"}]}\n'
    dataset = read_set(written(tmp_path, queries_jsonl=queries))
    assert "answers.jsonl: 1 queries are not in queries.jsonl, e.g. 'q2'" in dataset.problems
    assert dataset.queries[0].history == (Message("user", "zero?"),)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"queries_jsonl": '{"_id": "q1", "text": "a"}\n\n{"_id": "q1"'}, r"queries\.jsonl, line 3: not JSON"),
        ({"queries_jsonl": "[1]"}, r"queries\.jsonl, line 1: not a JSON object"),
        ({"queries_jsonl": '{"_id": 3, "text": "a"}'}, r'queries\.jsonl, line 1: "_id" has to be a text, not 3'),
        ({"queries_jsonl": '{"_id": "q1", "text": "a", "history": "b"}'}, 'line 1: "history" has to be a list'),
        (
            {"queries_jsonl": '{"_id": "q1", "text": "a", "history": [{"role": ["user"], "text": "b"}]}'},
            r"line 1: \"role\" has to be user or assistant, not \['user'\]",
        ),
        (
            {"queries_jsonl": '{"_id": "q1", "text": "a", "history": [{"role": "system", "text": "b"}]}'},
            "line 1: \"role\" has to be user or assistant, not 'system'",
        ),
        (
            {"queries_jsonl": '{"_id": "q1", "text": "a", "history": [{"role": "user"}]}'},
            'line 1: "text" has to be a text, not None',
        ),
        ({"queries_jsonl": '{"_id": "q1"}'}, r'line 1: "text" has to be a text, not None'),
        ({"queries_jsonl": QUERIES + QUERIES}, r"queries\.jsonl, line 3: the _id 'q1' is there twice"),
        ({"qrels": "q1\td1\t1\nq1 d1 1\n"}, r"test\.tsv, line 2: not three columns"),
        ({"qrels": "q1\td1\t1\nq1\td1\tyes\n"}, r"test\.tsv, line 2: not three columns"),
        ({"answers_jsonl": '{"_id": "q1", "answers": ["a"]}'}, r'answers\.jsonl, line 1: "answerable" has to be'),
        ({"answers_jsonl": '{"_id": "q1", "answers": "a", "answerable": true}'}, r"line 1: answers and facts have"),
        ({"answers_jsonl": '{"_id": "q1", "answers": [], "answerable": true}'}, r"line 1: an answerable question"),
        ({"answers_jsonl": '{"_id": "q1", "answers": [" "], "answerable": true}'}, r"line 1: an answerable question"),
        ({"answers_jsonl": '{"_id":"q1","answers":[],"answerable":true,"facts":[["a"],[]]}'}, r"group of facts a text"),
        ({"answers_jsonl": '{"_id":"q1","answers":["a"],"answerable":true,"facts":["b"]}'}, r"line 1: answers and f"),
        ({"queries_jsonl": ""}, r"none of 0 queries has a judgement"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, files: dict[str, str], complaint: str) -> None:
    with pytest.raises(EvaluationError, match=complaint):
        read_set(written(tmp_path, **files))


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "queries.jsonl").write_bytes(QUERIES.encode() + b'{"_id": "\xff"}\n')
    with pytest.raises(EvaluationError, match=r"queries\.jsonl, line 3: not UTF-8"):
        read_set(tmp_path)


def test_a_folder_without_a_corpus_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"neither corpus\.jsonl nor a folder documents/"):
        read_set(tmp_path)


def test_a_set_without_judgements_is_refused(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "qrels" / "test.tsv").unlink()
    with pytest.raises(EvaluationError, match=r"test\.tsv cannot be read"):
        read_set(tmp_path)
