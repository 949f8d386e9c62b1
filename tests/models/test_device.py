"""One function decides where models run."""

from __future__ import annotations

import pytest

from rag.errors import SettingsError
from rag.models.device import device


@pytest.fixture(params=[(2, False, "cuda"), (0, True, "mps"), (0, False, "cpu")], ids=["two-gpus", "apple", "plain"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[int, bool, str]:
    count, mps, best = request.param
    monkeypatch.setattr("torch.cuda.is_available", lambda: count > 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: mps)
    return count, mps, best


def test_auto_takes_the_best_that_is_there(machine: tuple[int, bool, str]) -> None:
    assert device() == machine[2]


def test_the_cpu_can_always_be_chosen(machine: tuple[int, bool, str]) -> None:
    assert device("cpu") == "cpu"


def test_a_device_is_given_where_it_is_there_and_refused_where_not(machine: tuple[int, bool, str]) -> None:
    count, mps, _ = machine
    for choice, there in (("cuda", count > 0), ("cuda:1", count > 1), ("mps", mps)):
        if there:
            assert device(choice) == choice
        else:
            with pytest.raises(SettingsError, match=f"device = '{choice}' was chosen, but torch sees"):
                device(choice)


def test_a_cuda_device_beyond_the_last_is_refused(machine: tuple[int, bool, str]) -> None:
    with pytest.raises(SettingsError, match="torch sees"):
        device("cuda:2")


@pytest.mark.parametrize("choice", ["gpu", "", "cuda:", "cuda:-1", "CPU"])
def test_a_word_that_is_no_device_is_refused(choice: str) -> None:
    with pytest.raises(SettingsError, match="is not one of: auto, cpu, cuda"):
        device(choice)
