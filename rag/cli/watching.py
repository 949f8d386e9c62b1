"""watch: an index that keeps in step with folders.

    a change, and 300 ms without another ─→ ingest of the folders ─→ one line

A change only says that it is time to look: what is new is found by the ingest, so that none that was missed or
misread stays unnoticed, and an editor that writes beside a file and renames is as good as one that writes into it.
"""

from __future__ import annotations

import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import jsonout
from rag.cli.exits import complain, ends_well
from rag.cli.indexing import report_object
from rag.cli.options import DeviceFlag, EmbedderFlag, EngineFlag, IndexFlag, JsonFlag
from rag.cli.parts import index_flag, ingest_parts, prepared
from rag.cli.problems import print_problems
from rag.cli.progress import Bar
from rag.cli.sources import shown, typed_paths
from rag.datatypes import Source
from rag.errors import CorpusError, RagError
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.reports import IngestReport

QUIET_MS = 300
"""Without a change for so long, those before it belong together."""
LONGEST_MS = 3000
"""Changes that never pause are taken in after so long."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0
"""What could not be done (another writer, a folder that is gone) is tried again after so long."""


@ends_well
def watch(
    folders: Annotated[list[str], typer.Argument(metavar="FOLDER", help="Folders.", show_default=False)],
    index: IndexFlag = None,
    prune: Annotated[bool, typer.Option("--prune", help="Allow removing more than half of the documents.")] = False,
    embedder: EmbedderFlag = None,
    device: DeviceFlag = None,
    engine: EngineFlag = None,
    json: JsonFlag = False,
) -> None:
    """Keep the index in step with folders until stopped by Ctrl-C.

    Searching works meanwhile, and other commands may write in between.

    Example: rag watch docs
    """
    from rag import ingest

    settings = prepared(Settings.load({"index": index, "embedder": embedder, "device": device, "engine": engine}))
    paths = typed_paths(folders)
    for path in paths:
        if not path.is_dir():
            raise CorpusError(f"{shown(str(path))} is no folder, and only folders are watched. Name the one it lies in")
    parts, chunking = ingest_parts(settings, rebuild=False)

    def once() -> IngestReport:
        with Bar() as bar:
            return ingest(
                paths,
                settings.index,
                parts,
                chunking=chunking,
                prune=prune,
                dense=settings.dense,
                redact=settings.redacted,
                passwords=settings.passwords,
                progress=bar,
            )

    complain(f"watching {', '.join(shown(str(path)) for path in paths)}; stop with Ctrl-C")
    _keep_in_step(once, lambda: _changes(paths, settings.index), _News(index_flag(settings), json))


def _keep_in_step(once: Callable[[], IngestReport], changes: Callable[[], Iterator[None]], news: _News) -> None:
    """Ingest at the start, after each change, and again after what failed, with a longer pause each time."""
    said, pause = "", FIRST_PAUSE_S
    while True:
        try:
            for _ in changes():
                news.tell(once())
                said, pause = "", FIRST_PAUSE_S
        except RagError as error:
            if str(error) != said:
                complain(f"error: {error} (it is tried again)")
            said = str(error)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)


def _changes(paths: Sequence[Path], index: Path) -> Iterator[None]:
    """Once as soon as the folders are watched, then each time that something in them changed.

    Ends where a folder is not the one any more that is watched: another has taken its place. Raises CorpusError where
    one cannot be watched, after it has come once: what is there is taken in all the same.
    """
    from watchfiles import watch as watched

    roots, own, here = [path.resolve() for path in paths], index.resolve(), _places(paths)
    first = True
    try:
        for found in watched(
            *roots,
            watch_filter=lambda _, path: _concerns(Path(path), roots, own),
            step=QUIET_MS,
            debounce=LONGEST_MS,
            rust_timeout=QUIET_MS,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            if _places(paths) != here:
                return
            if first or found:
                yield
            first = False
    except (OSError, RuntimeError) as error:  # the latter is what watchfiles makes of the system's other errors
        if first:
            yield
        names = ", ".join(shown(str(root)) for root in roots)
        raise CorpusError(
            f"{names} cannot be watched: {error}. Where that is the system's limit of watches, raise it (on Linux: "
            f"sysctl fs.inotify.max_user_watches) or look instead: WATCHFILES_FORCE_POLLING=1 rag watch ..."
        ) from error


def _places(paths: Sequence[Path]) -> list[tuple[int, int]]:
    """Which folders the paths lead to. Raises CorpusError where one is gone, or a file now."""
    try:
        found = [path.stat() for path in paths]
    except OSError as error:
        raise CorpusError(
            f"{shown(str(error.filename))} cannot be found ({error.strerror}). Nothing was removed from the index"
        ) from error
    for path, status in zip(paths, found, strict=True):
        if not stat.S_ISDIR(status.st_mode):
            raise CorpusError(f"{shown(str(path))} is no folder any more. Nothing was removed from the index")
    return [(status.st_dev, status.st_ino) for status in found]


def _concerns(path: Path, roots: Sequence[Path], index: Path) -> bool:
    """Whether a change there can change what is indexed."""
    if path.is_relative_to(index):
        return False
    return any(_is_seen(root, path.relative_to(root).parts) for root in roots if path.is_relative_to(root))


def _is_seen(root: Path, parts: Sequence[str]) -> bool:
    """Whether no part has a name that is left out, but where a `.ragignore` brings it back."""
    from rag.corpus import ignore
    from rag.corpus.left_out import by_name

    shut = [upto for upto, part in enumerate(parts, 1) if by_name(part) and part != ignore.NAME]
    return all(_is_brought_back(root, parts[:upto], folder=upto < len(parts)) for upto in shut)


def _is_brought_back(root: Path, parts: Sequence[str], *, folder: bool) -> bool:
    from rag.corpus import ignore

    found = []
    for depth in range(len(parts)):
        with suppress(OSError):
            text = root.joinpath(*parts[:depth], ignore.NAME).read_text("utf-8", "surrogateescape")
            found.append(ignore.parse(text, parts[:depth]))
    options = [folder] if folder else [False, True]  # what has changed may be a folder that is new
    rules = [ignore.decides(found, parts, folder=each) for each in options]
    return any(rule is not None and rule.negated for rule in rules)


class _News:
    """Says of each report what the one before it did not say."""

    def __init__(self, index_flag: str, json: bool) -> None:
        self._index_flag = index_flag
        self._json = json
        self._commit = -1
        self._problems: set[Source] = set()

    def tell(self, report: IngestReport) -> None:
        """A line, or an object, where something changed; problems that are new."""
        if report.commit != self._commit:
            if self._json:
                jsonout.write_json(report_object(report))
            else:
                _print_line(report)
            sys.stdout.flush()
        if not self._json:
            new = [problem for problem in report.problems if problem not in self._problems]
            print_problems(new, self._index_flag)
        self._commit, self._problems = report.commit, set(report.problems)


def _print_line(report: IngestReport) -> None:
    counts = ", ".join(
        f"{report.files[name]} {name}" for name in ("indexed", "duplicate", "removed") if report.files[name]
    )
    if counts:
        print(f"{datetime.now():%H:%M:%S}  {counts}; {report.chunks_total} chunks (commit {report.commit})")
