"""Weights are found on one half of the questions and judged by the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import EvaluationError
from rag.evaluation import build
from rag.evaluation.metrics import difference
from rag.evaluation.run import evaluate
from rag.evaluation.tune import LEAST, Half, Tuning, _climb, half_of, halves, tune
from rag.models.fakes import HashEmbedder
from rag.retrieval.fuse import Fusion

COLOURS = ("red", "blue", "green", "amber", "grey", "pink", "teal", "ochre")
THINGS = ("winch", "ferry", "oven", "pump", "crane", "kiln", "loom", "press", "lathe", "forge")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eighty documents, each the only one of its colour and thing, with a question each."""
    monkeypatch.setattr(build, "cache_folder", lambda: tmp_path / "cache")
    root = tmp_path / "set"
    (root / "qrels").mkdir(parents=True)
    pairs = [(colour, thing) for colour in COLOURS for thing in THINGS]
    corpus = [{"_id": f"{c}-{t}", "title": "", "text": f"The {c} {t} stands in the yard."} for c, t in pairs]
    queries = [{"_id": f"q{n}", "text": f"{c} {t}"} for n, (c, t) in enumerate(pairs)]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    judged = "".join(f"q{n}\t{c}-{t}\t1\n" for n, (c, t) in enumerate(pairs))
    (root / "qrels" / "test.tsv").write_text(judged, encoding="utf-8")
    return root


def test_a_weight_that_was_taken_away_is_found_again(folder: Path) -> None:
    """With few dimensions the fake embedder mixes words up; the lexical leg does not."""
    embedder = HashEmbedder(8)
    found = tune(folder, embedder, fusion=Fusion(lexical=0, exact=0, late=0))
    assert found.better
    assert found.after.lexical + found.after.late > 0
    assert found.rest.after > found.rest.before + 0.1
    assert found.rest.difference.p < 0.05
    assert found.development.queries + found.rest.queries == 80


def test_what_is_reported_is_what_a_search_with_these_weights_gives(folder: Path) -> None:
    embedder = HashEmbedder(8)
    found = tune(folder, embedder, fusion=Fusion(lexical=0.25, late=1))
    for weights, values in ((found.before, "before"), (found.after, "after")):
        rows = evaluate(folder, embedder, fusion=weights).rows
        for half, name in ((found.development, "development"), (found.rest, "rest")):
            own = [row.values["ndcg@10"] for row in rows if half_of(min(row.relevant)) == name]
            assert len(own) == half.queries
            assert sum(own) / len(own) == pytest.approx(getattr(half, values))


def test_too_few_questions_tell_nothing(folder: Path) -> None:
    with pytest.raises(EvaluationError, match=f"{LEAST} in each are the least"):
        tune(folder, HashEmbedder(8), limit=2 * LEAST - 1)


def test_ranks_have_no_weights(folder: Path) -> None:
    with pytest.raises(ValueError, match="by rrf has no weights"):
        tune(folder, HashEmbedder(8), fusion=Fusion("rrf"))


def test_halves_are_by_document_and_about_equal() -> None:
    halves = [half_of(f"document {n}") for n in range(2000)]
    assert halves == [half_of(f"document {n}") for n in range(2000)]
    assert 900 < halves.count("development") < 1100


def test_documents_that_are_relevant_together_are_in_one_half() -> None:
    chain = {f"q{n}": {f"d{n}": 1, f"d{n + 1}": 1} for n in range(0, 40, 3)}
    chain |= {f"r{n}": {f"d{n + 1}": 1, f"d{n + 2}": 1} for n in range(0, 40, 3)}
    found = halves(chain)
    sides: dict[str, set[str]] = {}
    for query, relevant in chain.items():
        for document in relevant:
            sides.setdefault(document, set()).add(found[query])
    assert all(len(each) == 1 for each in sides.values())
    assert set(found.values()) == {"development", "rest"}


def test_a_tie_moves_no_weight_and_a_gain_moves_the_one_that_brings_it() -> None:
    start = Fusion()
    assert _climb(start, lambda _: 0.5) == start
    assert _climb(start, lambda weights: -abs(weights.late - 4.0) - abs(weights.lexical - 0.5)) == Fusion(
        lexical=0.5, late=4.0
    )


def test_weights_that_do_no_good_to_the_rest_are_not_better() -> None:
    chance, gain = difference([0.5] * 20, [0.5] * 19 + [0.75]), difference([0.5] * 20, [0.75] * 20)
    sure, unsure = Half(20, 0.5, 0.75, gain), Half(20, 0.5, 0.5125, chance)
    assert not Tuning(Fusion(), Fusion(late=3), sure, unsure).better
    assert Tuning(Fusion(), Fusion(late=3), sure, sure).better
