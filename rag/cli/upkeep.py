"""check, compact, snapshot, restore, migrate: what keeps an index in order."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rag.cli import jsonout, render
from rag.cli.escape import printable
from rag.cli.exits import FIXABLE, ends_well
from rag.cli.options import IndexFlag, JsonFlag
from rag.cli.parts import open_index, prepared
from rag.cli.sources import shown
from rag.errors import IndexDamaged
from rag.settings import Settings


@ends_well
def check(
    index: IndexFlag = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also derive from the texts again what was derived from them, and compare.")
    ] = False,
    json: JsonFlag = False,
) -> int:
    """Verify every checksum and invariant of the index.

    Exits with 1 if anything is damaged, and says what mends it.

    Example: rag check
    """
    settings = prepared(Settings.load({"index": index}))
    problems = _damage(settings, deep=deep)
    if json:
        jsonout.write_json({"index": shown(str(settings.index)), "sound": not problems, "problems": problems})
    else:
        for problem in problems:
            print(printable(problem))
        print("damaged" if problems else "sound", file=sys.stdout if not problems else sys.stderr)
    return FIXABLE if problems else 0


def _damage(settings: Settings, *, deep: bool) -> list[str]:
    """What is wrong with the index, also where it cannot be opened at all."""
    try:
        with open_index(settings) as opened:
            return opened.check(deep=deep)
    except IndexDamaged as error:
        return [str(error)]


@ends_well
def compact(index: IndexFlag = None, json: JsonFlag = False) -> None:
    """Write the index anew without what was removed from it.

    What `rag rm` took out is then nowhere in it (but in quarantine/, where there is one: see docs/reliability.md).
    Needs room for two copies; searching works meanwhile.

    Example: rag compact
    """
    from rag.index import upkeep

    settings = prepared(Settings.load({"index": index}))
    before, after = upkeep.compact(settings.index, dense=settings.dense)
    if json:
        jsonout.write_json({"index": shown(str(settings.index)), "bytes": {"before": before, "after": after}})
    else:
        print(f"{render.size(before)} before, {render.size(after)} now")


@ends_well
def snapshot(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the copy goes; must not be there yet.")],
    index: IndexFlag = None,
    json: JsonFlag = False,
) -> None:
    """Copy the index as it is now, also while it is being written, to a folder that is an index itself.

    Example: rag snapshot backup/monday
    """
    from rag.index import upkeep

    settings = prepared(Settings.load({"index": index}))
    commit = upkeep.snapshot(settings.index, folder)
    if json:
        jsonout.write_json({"index": shown(str(settings.index)), "commit": commit, "snapshot": shown(str(folder))})
    else:
        print(f"commit {commit} of {shown(str(settings.index))} is in {shown(str(folder))}")


@ends_well
def restore(
    snapshot: Annotated[Path, typer.Argument(metavar="SNAPSHOT", help="A folder that rag snapshot made.")],
    index: IndexFlag = None,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of the index that is there.")] = False,
    json: JsonFlag = False,
) -> None:
    """Make the index what a snapshot holds.

    Example: rag restore backup/monday --replace
    """
    from rag.index import upkeep

    settings = prepared(Settings.load({"index": index}))
    commit = upkeep.restore(snapshot, settings.index, replace=replace, dense=settings.dense)
    if json:
        jsonout.write_json({"index": shown(str(settings.index)), "commit": commit, "snapshot": shown(str(snapshot))})
    else:
        print(f"{shown(str(settings.index))} holds what {shown(str(snapshot))} holds (commit {commit})")


@ends_well
def migrate(index: IndexFlag = None, json: JsonFlag = False) -> None:
    """Bring an index of an earlier version of rag to the format of this one; nothing is embedded again.

    Example: rag migrate
    """
    from rag.index import upkeep

    settings = prepared(Settings.load({"index": index}))
    before, after = upkeep.migrate(settings.index, dense=settings.dense)
    if json:
        jsonout.write_json({"index": shown(str(settings.index)), "format": {"before": before, "after": after}})
    elif before == after:
        print(f"{shown(str(settings.index))} has format {after} already")
    else:
        print(f"{shown(str(settings.index))} has format {after} now, {before} before")
