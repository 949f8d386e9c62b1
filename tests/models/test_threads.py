"""The number of threads is decided in one place."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from rag.errors import SettingsError
from rag.models import threads
from rag.threads import thread_count

VARIABLES = (
    *("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"),
    *("RAYON_NUM_THREADS", "TOKENIZERS_PARALLELISM"),
)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("RAG_THREADS", *VARIABLES):
        monkeypatch.delenv(name, raising=False)
    thread_count.cache_clear()
    yield
    thread_count.cache_clear()


def test_our_variable_wins_over_openmps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    assert thread_count() == 3
    thread_count.cache_clear()
    monkeypatch.setenv("RAG_THREADS", "5")
    assert thread_count() == 5


def test_without_a_variable_it_is_the_processors_of_this_process() -> None:
    assert 1 <= thread_count() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_what_is_not_a_number_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("RAG_THREADS", value)
    with pytest.raises(SettingsError, match=f"RAG_THREADS='{value}' is not a number of threads"):
        thread_count()


def test_libraries_that_read_the_environment_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_THREADS", "2")
    monkeypatch.setenv("RAYON_NUM_THREADS", "7")
    threads.prepare()
    assert os.environ["OMP_NUM_THREADS"] == "2"
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert os.environ["GOMP_SPINCOUNT"] == threads.SPINS
    assert os.environ["RAYON_NUM_THREADS"] == "7", "what the user has set stays"
    for name in VARIABLES:
        monkeypatch.delenv(name)


def test_numpy_is_told_to_use_one_thread_where_the_user_has_set_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    threads.prepare_numpy()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "3"
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    threads.prepare_numpy()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")


def test_onnx_runtime_gets_the_count_and_does_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_THREADS", "2")
    options = threads.session_options()
    assert options.intra_op_num_threads == 2
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
