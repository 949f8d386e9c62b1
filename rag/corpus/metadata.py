"""What is known of a document beside its text: its front matter, the file beside it, what the user says.

    report.md      title: Annual report      between --- (YAML) or +++ (TOML) at the top
    report.pdf     report.pdf.meta.toml      or .meta.yaml, .meta.json: the sidecar
    rag ingest reports --meta department=finance

Keys are lower case, with _ for what is neither letter, digit nor one of - and .; values are texts, and a list is
several values of its key. What is deeper than that is passed over: a filter could not ask for it.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rag.datatypes import Metadata
from rag.errors import SettingsError

MOST_BYTES = 64 * 2**10
"""Bytes of a front matter or a sidecar that are read; a larger one is no description."""

_TOO_LONG = f"it is longer than {MOST_BYTES // 2**10} KiB"
_PLAIN = re.compile(r"""(?m)^(\w[\w .-]{0,60}):[ \t]+([^\s\[\]{}&*!|>%#"'].*|"[^"\n]*"|'[^'\n]*')$""")
_NO_KEY = re.compile(r"[^\w.-]+")


class MetadataProblem(ValueError):
    """A description that cannot be read; the message says why, in one line."""


def front_matter(text: str) -> Metadata:
    """What the front matter of a Markdown text says, marks included.

    Where it is malformed, what stands in lines of its own as key and value (`title: Report: 2024` is no YAML).
    """
    mark, _, rest = text.replace("\r\n", "\n").partition("\n")
    inner = rest[: max(0, rest.rstrip().rfind("\n"))]
    is_toml = mark.startswith("+++")
    try:
        return _parsed(inner, tomllib.loads if is_toml else _yaml)
    except MetadataProblem:
        said = {} if is_toml or len(inner) > MOST_BYTES else dict(_PLAIN.findall(inner))
        return tuple(_pairs({key: value.strip("\"'") for key, value in said.items()}))


def sidecar_of(path: Path) -> Path | None:
    """The file beside `path` that describes it; None where there is none."""
    beside = (f"{path}{suffix}" for suffix in SIDECARS)
    return next((Path(name) for name in beside if os.path.isfile(name)), None)  # noqa: PTH113 (never raises)


def described_by(name: str) -> str:
    """The name of the file that a sidecar of this name describes; "" where it is no sidecar's name."""
    return next((name.removesuffix(suffix) for suffix in SIDECARS if name.endswith(suffix)), "")


def read_sidecar(path: Path) -> Metadata:
    """What a sidecar says. Raises MetadataProblem for one that cannot be read; a link is not followed."""
    try:
        if path.is_symlink():
            raise MetadataProblem("it is a link, and may lead anywhere")
        if path.stat().st_size > MOST_BYTES:
            raise MetadataProblem(_TOO_LONG)
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise MetadataProblem(error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise MetadataProblem("it is not UTF-8") from error
    return _parsed(text, SIDECARS[path.name.removeprefix(described_by(path.name))])


def given_metadata(pairs: Sequence[str]) -> Metadata:
    """What the user says, as key=value; key= says nothing. Raises SettingsError for anything else."""
    found = []
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not _key(key):
            raise SettingsError(f"--meta {pair!r} is not key=value. Write it such as: --meta department=finance")
        if value.strip():
            found.append((_key(key), value.strip()))
    return tuple(found)


def _parsed(text: str, parse: Callable[[str], Any]) -> Metadata:
    if len(text) > MOST_BYTES:
        raise MetadataProblem(_TOO_LONG)
    try:
        given = parse(text)
        if not isinstance(given, dict):
            raise MetadataProblem("it does not give values to keys")
        return tuple(_pairs(given))
    except RecursionError as error:
        raise MetadataProblem("it is nested too deeply") from error
    except ValueError as error:
        raise MetadataProblem(" ".join(str(error).split())) from error


def _pairs(given: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        key = _key(str(name))
        for each in value if isinstance(value, list) else [value]:
            text = _text(each)
            if key and text:
                yield key, text


def _key(name: str) -> str:
    return _NO_KEY.sub("_", name.strip().lower()).strip("_")


def _text(value: Any) -> str:
    """A value as text in one line; "" for what is none."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, (dict, list)):
        return ""
    return " ".join(str(value).split())


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=yaml.BaseLoader)  # texts, lists and dicts alone: 1.10 stays 1.10
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


SIDECARS: dict[str, Callable[[str], Any]] = {
    ".meta.toml": tomllib.loads,
    ".meta.yaml": _yaml,
    ".meta.yml": _yaml,
    ".meta.json": json.loads,
}
