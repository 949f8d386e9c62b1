"""The commands in the order of their use, and the start of the program.

Nothing heavy is imported here or by the modules of the commands: `rag --help` loads neither numpy nor torch. typer
brings rich along only if asked to, hence the two switches.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, TextIO

import typer

from rag.cli import answering, chat, indexing, measuring, setup, tasks, tuning, upkeep, watching
from rag.cli.escape import printable_lines

app = typer.Typer(
    name="rag",
    help="Answers from your own documents, on your own machine, with citations that open at the exact characters.\n\n"
    'Example: rag ingest docs, then rag ask "What happens when the documents do not hold the answer?"',
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from rag import __version__

        print(f"rag {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What every command shares: nothing but the version."""


for command in (
    indexing.ingest,
    watching.watch,
    answering.search,
    answering.similar,
    answering.duplicates,
    answering.ask,
    chat.chat,
    tasks.summarize,
    tasks.compare,
    answering.show,
    indexing.status,
    indexing.ls,
    indexing.rm,
    upkeep.check,
    upkeep.compact,
    upkeep.snapshot,
    upkeep.restore,
    upkeep.migrate,
    setup.models,
    setup.config,
):
    app.command()(command)
app.command("eval")(measuring.evaluate)
app.command()(tuning.tune)


def main() -> None:
    """Run the command line; exits with the codes of `rag.cli.exits`."""
    _fill_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        _speak_utf8(stream)
    _log_as_lines()
    app(prog_name="rag")


def _fill_closed_streams() -> None:
    """Put the null device in the place of a closed stream: else a file that is opened later takes its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    nowhere = Path(os.devnull)
    sys.stdin = sys.stdin or nowhere.open()
    sys.stdout = sys.stdout or nowhere.open("w")
    sys.stderr = sys.stderr or nowhere.open("w")


def _speak_utf8(stream: TextIO) -> None:
    """UTF-8 in a pipe or a file, whatever the locale; a terminal keeps its encoding, what that lacks is spelled out."""
    if stream.isatty():
        stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]
    else:
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[attr-defined]


def _log_as_lines() -> None:
    """What the library says while it works (a pull, a question cut short) as lines on stderr; of others, errors."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line("rag: %(message)s"))
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    logging.getLogger("rag").setLevel(logging.INFO)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries talking to programmers; python -W shows them


class _Line(logging.Formatter):
    """A record with what came from documents spelled out."""

    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(super().format(record))
