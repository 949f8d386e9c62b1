"""Two measurements of one set, query by query; and which queries fare worst."""

from __future__ import annotations

from collections.abc import Sequence

from rag.evaluation.metrics import Difference, difference
from rag.evaluation.run import EvaluationReport, QueryRow


def compare(one: EvaluationReport, other: EvaluationReport) -> dict[str, Difference]:
    """How each metric of `other` differs from that of `one`, over the queries that both have it for."""
    values = {row.id: row.values for row in other.rows}
    found = {}
    for name in dict.fromkeys(name for row in one.rows for name in row.values):
        both = [
            (row.values[name], values[row.id][name])
            for row in one.rows
            if name in row.values and name in values.get(row.id, {})
        ]
        if both:
            found[name] = difference(*zip(*both, strict=True))
    return found


def worst(rows: Sequence[QueryRow], count: int, metric: str = "ndcg@10") -> list[QueryRow]:
    """The `count` queries that fare worst by a metric, worst first; none for which it is as good as can be."""
    measured = [row for row in rows if row.values.get(metric, 1.0) < 1.0]
    return sorted(measured, key=lambda row: row.values[metric])[:count]
