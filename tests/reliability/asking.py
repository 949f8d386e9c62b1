"""Every question that an index answers, each on its own, so that an error of one does not hide what another says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Embeddings
from rag.errors import RagError
from rag.index.filters import parse_filter
from rag.index.index import Index
from rag.text.terms import terms
from tests.index.samples import EMBEDDER

Answers = dict[str, object]
Rows = NDArray[np.int64]
_Verbs = dict[str, Callable[..., object]]

QUESTIONS = (
    "Which valve kx-3-1 of machine 3 was checked at 21 degrees?",
    "机器5的零件状态",
    "the pump kx-77-7 of nobody's unheardof rotor",
)
FILTERS = (
    "language = en",
    "heading ~ report",
    "department = finance",
    "date >= 2024-05",
    "owner = wong",
    "source = m3.md",
    "format = md, language != zh",
    "modified >= 2021",
)


def ask(path: Path, documents: Sequence[str], rows: Sequence[int]) -> tuple[Answers, dict[str, str]]:
    """What the index at `path` answers about these documents and rows, and what it refuses to answer, with its words.

    Any other exception than a RagError goes through: it is a defect.
    """
    answers: Answers = {}
    refused: dict[str, str] = {}
    try:
        index = Index.open(path)
    except RagError as error:
        return {}, {"open": str(error)}
    with index:
        for name, question in _questions(documents, np.array(rows, np.int64)).items():
            try:
                answers[name] = question(index)
            except RagError as error:
                refused[name] = str(error)
            except KeyError as error:  # the answer for what there is not
                answers[name] = repr(error)
    return answers, refused


def _questions(documents: Sequence[str], rows: Rows) -> _Verbs:
    verbs: _Verbs = {
        "commit": lambda index: (index.commit, index.manifest),
        "status": _status,
        "languages": lambda index: index.languages(),
        "rows in": lambda index: [index.rows_in(names).tolist() for names in (["en"], ["zh"], ["en", "zh"])],
        "languages of": lambda index: index.languages_of(rows),
        "documents of": lambda index: index.documents_of(rows),
        "chunks": lambda index: index.chunks(rows.tolist()),
        "all sources": lambda index: index.all_sources(),
        "vectors": lambda index: index.vectors(rows).tolist(),
        "mean": lambda index: index.token_mean.tolist(),
    }
    for name in documents:
        verbs[f"document {name}"] = lambda index, name=name: index.document(name)
        verbs[f"pages of {name}"] = lambda index, name=name: index.pages(name, 5, 60)
        verbs[f"sources of {name}"] = lambda index, name=name: index.sources(name)
        verbs[f"rows of {name}"] = lambda index, name=name: index.rows_of(name)
        verbs[f"date of {name}"] = lambda index, name=name: index.date(name)
    for text in FILTERS:
        verbs[text] = lambda index, text=text: index.rows_where(parse_filter(text)).tolist()
    for text in QUESTIONS:
        verbs |= {f"{name}: {text}": verb for name, verb in _searches(text, rows).items()}
    return verbs


def _searches(text: str, rows: Rows) -> _Verbs:
    asked, words = embedded(text), terms(text)
    return {
        "dense": lambda index: _rounded(*index.search_dense(asked.vectors[0], 5)),
        "dense among": lambda index: _rounded(*index.search_dense(asked.vectors[0], 5, rows[::2])),
        "dense scores": lambda index: _rounded(rows, index.dense_scores(asked.vectors[0], rows)),
        "late": lambda index: index.late_scores(asked.tokens[0], rows).tolist(),
        "lexical": lambda index: [part.tolist() for part in index.search_lexical(text, 5)],
        "lexical among": lambda index: [part.tolist() for part in index.search_lexical(text, 5, rows[::2])],
        "lexical scores": lambda index: index.lexical_scores(text, rows).tolist(),
        "exact": lambda index: index.exact(text, rows).tolist(),
        "mass": lambda index: (index.mass(text), [index.idf(word) for word in words[:4]]),
        "having": lambda index: index.rows_having([words[:4], words[2:]]).tolist(),
    }


def _status(index: Index) -> object:
    """The status without weights, which are those of the files as they are, and without how dense search is done.

    A derived file that is damaged is not searched, and the status says so.
    """
    return replace(index.status(), bytes={}, token_bytes=0.0, dense="", recall=0.0)


def _rounded(rows: Rows, scores: NDArray[np.float32]) -> object:
    """Rows with their scores as far as they are the same by FAISS and without."""
    return rows.tolist(), [round(score, 4) for score in scores.tolist()]


@cache
def embedded(text: str) -> Embeddings:
    """The question as it is searched for."""
    return EMBEDDER.embed_query(text, tokens=True)
