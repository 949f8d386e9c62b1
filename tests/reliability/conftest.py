from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reliability.recovery import Oracle, undisturbed
from tests.reliability.tracing import Point, Refused, Tracer


@pytest.fixture(scope="session")
def tracer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracer]:
    try:
        tracer = Tracer(tmp_path_factory.mktemp("trace"))
    except Refused as refusal:
        pytest.skip(str(refusal))
    yield tracer
    tracer.close()


@pytest.fixture(scope="session")
def points(tracer: Tracer, tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    """Every call of the workload that changes a file of its index, in their order."""
    try:
        return tracer.points(tmp_path_factory.mktemp("recorded") / "index")
    except Refused as refusal:
        pytest.skip(str(refusal))


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return undisturbed(tmp_path_factory.mktemp("oracle") / "index")
