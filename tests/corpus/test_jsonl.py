"""Documents out of an evaluation corpus."""

from pathlib import Path

import pytest

from rag.corpus.jsonl import documents
from rag.errors import EvaluationError


def corpus(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(text.encode())
    return path


def test_each_line_is_a_document_with_its_text_unchanged(tmp_path: Path) -> None:
    lines = '{"_id": "d1", "title": "T", "text": " a\\r\\n\u2028b "}\n\n{"_id": "d2", "text": " a\\r\\n\u2028b "}\n'
    (first, one), (second, two) = documents(corpus(tmp_path, lines))
    assert (first, second) == ("corpus.jsonl#d1", "corpus.jsonl#d2")
    assert one.text == two.text == " a\r\n\u2028b "
    assert (one.title, two.title, one.markup) == ("T", "", "plain")
    assert one.id != two.id


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"line 2: not JSON"),
        ("[1]", r"line 2: not an object"),
        ('{"text": "x"}', r"line 2: '_id' is None; it must be a string"),
        ('{"_id": "b"}', r"line 2: 'text' is None"),
        ('{"_id": "b", "title": 3, "text": "x"}', r"line 2: 'title' is 3"),
        ('{"_id": "a", "text": "x"}', r"line 2: _id 'a' occurs twice"),
        ('{"_id": "b", "text": "\\ud800"}', r"line 2: 'text' holds NUL or half a surrogate pair"),
    ],
)
def test_a_malformed_line_is_named_with_its_number(tmp_path: Path, line: str, message: str) -> None:
    path = corpus(tmp_path, '{"_id": "a", "text": "x"}\n' + line)
    with pytest.raises(EvaluationError, match=message):
        list(documents(path))


def test_a_file_that_is_not_there_or_not_utf8_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"corpus.jsonl cannot be read"):
        list(documents(tmp_path / "corpus.jsonl"))
    (tmp_path / "corpus.jsonl").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(EvaluationError, match=r"cannot be read as UTF-8"):
        list(documents(tmp_path / "corpus.jsonl"))


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"_id": "d1", "text": "a"}\r\n')
    assert [(place, document.text) for place, document in documents(path)] == [("corpus.jsonl#d1", "a")]
