"""The number of threads is decided in one place."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from rag.datatypes import Embeddings
from rag.errors import SettingsError
from rag.index.index import Index
from rag.models import threads
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest
from rag.retrieval.retriever import Retriever
from rag.threads import SWITCH_S, single_products, thread_count, turns

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


def test_turns_are_long_again_after_the_last_of_several_runs() -> None:
    before = sys.getswitchinterval()
    with turns:
        with turns:
            pass
        assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
    assert sys.getswitchinterval() == pytest.approx(before)


def blas_threads() -> list[int]:
    """Of each library that multiplies matrices, how many threads it would use; numpy's stands first."""
    loaded = threadpool_info()
    blas = sorted(
        (each for each in loaded if each["user_api"] == "blas"), key=lambda each: "numpy" not in each["filepath"]
    )
    return [each["num_threads"] for each in blas]


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every library multiplies with two threads, as where nobody has said anything."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with threadpool_limits(2, user_api="blas"):
        if not blas_threads() or blas_threads()[0] != 2:
            pytest.skip("this numpy multiplies with something else, or one processor")
        yield


@pytest.mark.usefixtures("two_threads")
def test_numpy_multiplies_in_one_thread_while_a_library_user_searches_and_in_its_own_number_afterwards() -> None:
    before = blas_threads()
    with single_products:
        with single_products:
            assert blas_threads() == [1, *before[1:]]
        assert blas_threads() == [1, *before[1:]]
    assert blas_threads() == before


@pytest.mark.usefixtures("two_threads")
def test_a_search_and_an_ingest_are_such_times(tmp_path: Path) -> None:
    seen = []

    class Watching(HashEmbedder):
        def embed_texts(self, texts: Sequence[str], *, tokens: bool = False) -> Embeddings:
            seen.append(blas_threads()[0])
            return super().embed_texts(texts, tokens=tokens)

        def embed_query(self, text: str, *, tokens: bool = False) -> Embeddings:
            seen.append(blas_threads()[0])
            return super().embed_query(text, tokens=tokens)

    (tmp_path / "a.md").write_text("The pump needs oil.")
    embedder = Watching()
    ingest([tmp_path / "a.md"], tmp_path / "index", embedder)
    with Index.open(tmp_path / "index", embedder=embedder) as index:
        Retriever(index, embedder).retrieve("oil")
    assert seen == [1, 1]
    assert blas_threads()[0] == 2


@pytest.mark.usefixtures("two_threads")
def test_what_the_user_has_set_for_numpy_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with single_products:
        assert blas_threads()[0] == 2
