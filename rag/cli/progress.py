"""Long work on stderr: a bar with its rate and what is left; nothing where stderr is no terminal.

Each step that it is told of is a place where the work can stop, should a Ctrl-C have got lost.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rag.cli.escape import printable
from rag.cli.exits import heed_interruption

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import Task, TaskID

_LONGEST = 40  # characters of a note
BYTES = {"ingest", "rebuild", "pull"}  # stages whose units are bytes, or characters; other stages count things


class Bar:
    """A `rag.reports.Progress` on a terminal. Stages follow one another; a stage may start while another is shown."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._stage = ""

    def start(self, stage: str, total: int | None) -> None:
        """Show a bar for a stage of so many units; None: how many there are is not known."""
        heed_interruption()
        self.finish()
        self._stage = stage
        if self._shown:
            self._bar = _rich_bar(stage)
            self._task = self._bar.add_task(stage, total=total)
            self._bar.start()

    def advance(self, units: int) -> None:
        """So many more units are done."""
        heed_interruption()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=units, description=self._stage)

    def note(self, what: str) -> None:
        """Show what is being done, until the next units are."""
        heed_interruption()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=f"{self._stage} {printable(what)[-_LONGEST:]}")

    def finish(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._task = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()


def _rich_bar(stage: str) -> RichProgress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Units a second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f}/s" if task.speed else "")

    console = Console(stderr=True, highlight=False)
    columns = (DownloadColumn(), TransferSpeedColumn()) if stage in BYTES else (MofNCompleteColumn(), Rate())
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
