"""Between the locations that an index holds and the paths that a person types and opens."""

from __future__ import annotations

import difflib
import fnmatch
import os
import re
from collections.abc import Sequence
from pathlib import Path

from rag.cli.escape import printable
from rag.datatypes import Source
from rag.errors import CorpusError, shell_quoted

_SPAN = re.compile(r"(?P<source>.+):(?P<start>\d{1,18})-(?P<end>\d{1,18})", re.DOTALL)
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_GLOB = re.compile(r"[*?\[]")


def shown(location: str) -> str:
    """The path that opens `location` from the current folder: relative inside it, else absolute; a URL as it is."""
    if _URL.match(location) or not Path(location).is_absolute():
        return location
    try:
        relative = Path(location).relative_to(Path.cwd()).as_posix()
    except ValueError:
        return location
    return f"./{relative}" if relative.startswith(("-", "~")) else relative


def typed_paths(arguments: Sequence[str]) -> list[Path]:
    """The paths that were typed. Raises CorpusError for an empty one, which would be the current folder."""
    _require_typed(arguments)
    return [Path(argument) for argument in arguments]


def _require_typed(arguments: Sequence[str]) -> None:
    if not all(arguments):
        raise CorpusError("a path is empty, perhaps a variable that is not set; for the current folder type: .")


def place(source: str, start: int, end: int) -> str:
    """`source:start-end`, as `rag show` takes it."""
    return f"{source}:{start}-{end}"


def split_span(argument: str, sources: Sequence[Source]) -> tuple[str, tuple[int, int] | None]:
    """The source and its span: the last `:digits-digits`, unless a file (or an indexed source) has that very name."""
    found = _SPAN.fullmatch(argument)
    if found is None or _exists(argument) or _matching(argument, sources):
        return argument, None
    return found["source"], (int(found["start"]), int(found["end"]))


def find_one(argument: str, sources: Sequence[Source], index_flag: str = "") -> Source:
    """The source that `argument` names. Raises CorpusError with the nearest names where the index has none.

    `index_flag` is what a command needs to look into the same index, "" where it would anyway.
    """
    found = _matching(argument, sources)
    if not found:
        raise _not_found(argument, sources, index_flag)
    return found[0]


def find_many(arguments: Sequence[str], sources: Sequence[Source], index_flag: str = "") -> list[Source]:
    """The sources that files, folders and globs name, in the index's order, each once; all where nothing is named.

    Those within a file go with it. `index_flag` is as in `find_one`.

    Raises CorpusError for an argument that names none, and for an empty one, which would be the current folder.
    """
    if not arguments:
        return list(sources)
    _require_typed(arguments)
    wanted: set[str] = set()
    for argument in arguments:
        found = [*_matching(argument, sources), *_inside(argument, sources)] or _globbed(argument, sources)
        if not found:
            raise _not_found(argument, sources, index_flag)
        wanted.update(source.location for source in found)
    return [source for source in sources if source.location in wanted]


def _matching(argument: str, sources: Sequence[Source]) -> list[Source]:
    """The source named exactly, as a location, as a path from here, or through symbolic links."""
    names = {argument, _key(argument), os.path.normcase(os.path.realpath(argument))}
    return [source for source in sources if source.location in names or _key(source.location) in names]


def _inside(argument: str, sources: Sequence[Source]) -> list[Source]:
    """The sources under a folder, or the members of an archive."""
    folders = {_key(argument), os.path.normcase(os.path.realpath(argument))}
    fronts = tuple(f"{folder.rstrip(os.sep)}{end}" for folder in folders for end in (os.sep, "!"))
    return [source for source in sources if _key(source.location).startswith(fronts)]


def _globbed(argument: str, sources: Sequence[Source]) -> list[Source]:
    """The sources that a pattern covers; `*` goes through folders, as the index is one list."""
    if not _GLOB.search(argument):
        return []
    pattern = _key(argument)
    return [
        source
        for source in sources
        if fnmatch.fnmatchcase(_key(source.location), pattern) or fnmatch.fnmatch(source.location, argument)
    ]


def _key(path: str) -> str:
    """One spelling for a path: absolute, with this system's separators and, where case is no matter, one case."""
    if _URL.match(path):
        return path
    return os.path.normcase(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111 (members "a.zip!/b" are no Paths)


def _not_found(argument: str, sources: Sequence[Source], index_flag: str) -> CorpusError:
    inside = [shown(source.location) for source in _inside(argument, sources)]
    if inside:
        files = f"{len(inside):,} file{'s' * (len(inside) != 1)}"
        listing = f"rag ls {shell_quoted(argument)}{index_flag}"
        return CorpusError(
            f"{argument!r} has no text of its own but {files} in it: {printable(inside[0])} (all: {listing})"
        )
    names = {shown(source.location): source for source in sources}
    tails = {Path(name).name: name for name in names}
    near = [tails[tail] for tail in difflib.get_close_matches(Path(argument).name, list(tails), n=3, cutoff=0.5)]
    hint = f"nearest: {', '.join(map(printable, near))}" if near else f"all that it holds: rag ls{index_flag}"
    add = f"it exists; add it with: rag ingest {shell_quoted(argument)}{index_flag}"
    return CorpusError(f"{argument!r} is not in the index; {add if _exists(argument) else hint}")


def _exists(argument: str) -> bool:
    """Whether there is a file or a folder of that name; False too where it is longer than any name may be."""
    return os.path.exists(argument)  # noqa: PTH110 (never raises)
