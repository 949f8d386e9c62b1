"""Two measurements side by side, and the queries that fare worst."""

from __future__ import annotations

from pathlib import Path

from rag.evaluation.compare import compare, worst
from rag.evaluation.run import EvaluationReport, QueryRow


def report(values: dict[str, dict[str, float]]) -> EvaluationReport:
    rows = tuple(QueryRow(name, f"question {name}", each) for name, each in values.items())
    return EvaluationReport(Path("set"), len(rows), len(rows), {}, None, {}, {}, {}, rows=rows)


def test_each_metric_is_compared_over_the_queries_that_both_have_it_for() -> None:
    one = report({"a": {"ndcg@10": 0.5, "contains": 1.0}, "b": {"ndcg@10": 1.0}, "c": {"abstained": 1.0}})
    other = report({"a": {"ndcg@10": 1.0}, "b": {"ndcg@10": 0.25}, "d": {"ndcg@10": 0.0}})
    found = compare(one, other)
    assert set(found) == {"ndcg@10"}
    assert found["ndcg@10"].mean == (0.5 - 0.75) / 2
    assert (found["ndcg@10"].better, found["ndcg@10"].worse) == (1, 1)


def test_the_worst_come_first_and_what_is_as_good_as_can_be_is_not_among_them() -> None:
    rows = report({"a": {"ndcg@10": 0.5}, "b": {"ndcg@10": 1.0}, "c": {"abstained": 0.0}, "d": {"ndcg@10": 0.1}}).rows
    assert [row.id for row in worst(rows, 5)] == ["d", "a"]
    assert [row.id for row in worst(rows, 1)] == ["d"]
