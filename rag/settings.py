"""What a user may set, and where each value came from: flags over `RAG_*` over `rag.toml` over defaults.

The command line reads these places through `Settings.load`; a library call takes the parts it is given.
`rag.toml` is the one in the nearest parent of the current folder (the folder itself included).
"""

from __future__ import annotations

import codecs
import difflib
import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from rag.errors import SettingsError

FILE_NAME = "rag.toml"
INDEXES_FOLDER = "indexes"
DEFAULT_INDEX = "default"
ENV_PREFIX = "RAG_"
PROMPTS = "prompts"  # tables [prompts.TASK] of rag.toml: rag.generation.templates checks what stands in them
API_KEY = "RAG_API_KEY"
PASSWORDS, MOST_PASSWORDS = "passwords", 100  # each encrypted file is tried with all of them
OTHER_VARIABLES = frozenset({"RAG_MODELS", API_KEY})  # the models' folder, a server's key: in the environment only

Value = str | int | float


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: its default and what it accepts; `least` and `most` bound a number, `choices` a word.

    A default with a decimal point takes any number, one without takes whole numbers.
    """

    default: Value
    help: str
    least: int = 0
    most: int = 0
    choices: tuple[str, ...] = ()
    is_path: bool = False
    may_be_empty: bool = False


KEYS: dict[str, Key] = {
    "index": Key("", "folder of the index", is_path=True),
    "embedder": Key("multilingual-e5-small", "embedder: a built-in name, a hub name or a folder"),
    "generator": Key("smollm2-135m-instruct", "language model: a built-in name, a hub name, a folder or .gguf file"),
    "server": Key("", "OpenAI-compatible server that has the generator, by its URL", may_be_empty=True),
    "server_context": Key(4096, "tokens of its context, where the server does not tell", least=512, most=10_000_000),
    "reranker": Key("", "cross-encoder: a hub name or a folder; none if empty", may_be_empty=True),
    "device": Key("auto", "where models run: auto, cpu, mps, cuda, cuda:0, ..., cuda:all"),
    "quantization": Key("none", "weights of the generator on a GPU", choices=("none", "8bit", "4bit")),
    "engine": Key("auto", "what embeds", choices=("auto", "onnx", "torch")),
    "dense": Key("auto", "how vectors are searched", choices=("auto", "exact", "ivf")),
    "redact": Key("", "personal data taken out at ingest: email, iban, id, card, phone, or all", may_be_empty=True),
    PASSWORDS: Key("", "passwords of encrypted PDFs and ZIP archives: a list; in the environment one a line"),
    "k": Key(5, "hits that a search gives", least=1, most=1000),
    "fusion": Key("scores", "how a search joins its legs", choices=("scores", "rrf")),
    "dense_weight": Key(1.0, "weight of the embedding in a search", most=100),
    "lexical_weight": Key(1.0, "weight of the words in a search", most=100),
    "exact_weight": Key(6.0, "weight of numbers and identifiers as typed", most=100),
    "named_weight": Key(7.0, "weight of what a question calls a document by", most=100),
    "late_weight": Key(2.5, "weight of late interaction (MaxSim)", most=100),
    "answer": Key("auto", "how an answer is composed", choices=("auto", "quotes", "prose")),
    "unsupported": Key("drop", "what becomes of a sentence that fails the check", choices=("drop", "mark")),
    "risk": Key(0.0, "share of wrong among the answered that is accepted; 0: as fitted", most=1),
    "max_tokens": Key(256, "tokens of what the generator writes, at most", least=16, most=32_768),
    "temperature": Key(0.0, "chance in what the generator writes; 0: the most probable", most=2),
    "seed": Key(0, "what that chance begins with", most=2**31 - 1),
    "chunk_tokens": Key(320, "tokens of a chunk at most, its heading context not counted", least=16, most=8192),
    "context_tokens": Key(64, "tokens of a chunk's headings, and of a header row, at most", least=0, most=1024),
    "threads": Key(0, "CPU threads; 0 lets the libraries choose", least=0, most=1024),
}

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+|:all)?")
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_DECIMAL = re.compile(r"[+-]?\d{1,9}(\.\d{1,9})?")


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its value; `origins` names where each came from, in the words `rag config` prints.

    `prompts` are the tables `[prompts.TASK]` of rag.toml, by task.
    """

    index: Path
    embedder: str
    generator: str
    server: str
    server_context: int
    reranker: str
    device: str
    quantization: str
    engine: str
    dense: str
    redact: str
    passwords: tuple[str, ...] = field(repr=False)
    k: int
    fusion: str
    dense_weight: float
    lexical_weight: float
    exact_weight: float
    named_weight: float
    late_weight: float
    answer: str
    unsupported: str
    risk: float
    max_tokens: int
    temperature: float
    seed: int
    chunk_tokens: int
    context_tokens: int
    threads: int
    prompts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def load(
        cls,
        flags: Mapping[str, Value | Path | None] | None = None,
        *,
        against: str = "",
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Settings:
        """The settings seen from `folder` (default: the current one); a flag that is None was not given.

        `against` has settings in words, such as "late_weight = 1, fusion = rrf", that win over all others.

        Raises SettingsError for an unknown key, a value of the wrong type or out of range, a malformed file.
        """
        folder = (folder or _current_folder()).absolute()
        values: dict[str, Value] = {name: key.default for name, key in KEYS.items()}
        values["index"] = str(default_index(folder))
        origins = dict.fromkeys(KEYS, "default")
        given = _given(flags or {}, os.environ if environ is None else environ, folder)
        for origin, name, value in (*given, *_in_words(against, folder)):
            values[name], origins[name] = value, origin
        return cls(
            index=Path(str(values["index"])),
            embedder=str(values["embedder"]),
            generator=str(values["generator"]),
            server=str(values["server"]),
            server_context=int(values["server_context"]),
            reranker=str(values["reranker"]),
            device=str(values["device"]),
            quantization=str(values["quantization"]),
            engine=str(values["engine"]),
            dense=str(values["dense"]),
            redact=str(values["redact"]),
            passwords=tuple(str(values[PASSWORDS]).split("\n")) if values[PASSWORDS] else (),
            k=int(values["k"]),
            fusion=str(values["fusion"]),
            dense_weight=float(values["dense_weight"]),
            lexical_weight=float(values["lexical_weight"]),
            exact_weight=float(values["exact_weight"]),
            named_weight=float(values["named_weight"]),
            late_weight=float(values["late_weight"]),
            answer=str(values["answer"]),
            unsupported=str(values["unsupported"]),
            risk=float(values["risk"]),
            max_tokens=int(values["max_tokens"]),
            temperature=float(values["temperature"]),
            seed=int(values["seed"]),
            chunk_tokens=int(values["chunk_tokens"]),
            context_tokens=int(values["context_tokens"]),
            threads=int(values["threads"]),
            prompts=_prompts(folder),
            origins=origins,
        )

    @property
    def redacted(self) -> list[str] | None:
        """The kinds of personal data that are taken out; None where nothing is said of it."""
        return [kind.strip() for kind in self.redact.split(",")] if self.redact.strip() else None

    def chosen(self, name: str) -> bool:
        """Whether the user set `name` anywhere (False: it is the default)."""
        return self.origins.get(name, "default") != "default"

    def in_file(self, name: str) -> bool:
        """Whether the value of `name` comes from a `rag.toml`, which may have come with downloaded files."""
        return Path(self.origins.get(name, "")).name == FILE_NAME

    def rows(self) -> Iterator[tuple[str, Value, str]]:
        """Name, value and origin of every setting, in the order of `KEYS`; of passwords only how many there are."""
        for name in (known.name for known in fields(self) if known.name in KEYS):
            value = getattr(self, name)
            if name == PASSWORDS:
                value = f"{len(value)} (not shown)" if value else ""
            yield name, str(value) if isinstance(value, Path) else value, self.origins.get(name, "default")


def _current_folder() -> Path:
    """The current folder. Raises SettingsError where it has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise SettingsError("the current folder has been removed; go to one that is there, such as: cd ~") from error


def default_index(folder: Path) -> Path:
    """`indexes/default` in the project's folder."""
    return project_folder(folder) / INDEXES_FOLDER / DEFAULT_INDEX


def project_folder(folder: Path) -> Path:
    """The nearest parent of `folder`, itself included, that has `indexes/` or `rag.toml`; else `folder`."""
    for parent in (folder, *folder.parents):
        if os.path.isdir(parent / INDEXES_FOLDER) or _is_file(parent / FILE_NAME):  # noqa: PTH112 (see `_is_file`)
            return parent
    return folder


def find_file(folder: Path) -> Path | None:
    """The `rag.toml` of the nearest parent of `folder`, None where there is none."""
    candidates = (parent / FILE_NAME for parent in (folder, *folder.parents))
    return next((path for path in candidates if _is_file(path)), None)


def _is_file(path: Path) -> bool:
    """Whether it is a file; False too where its folder may not be looked into, as that of another user."""
    return os.path.isfile(path)  # noqa: PTH113 (never raises)


def _given(
    flags: Mapping[str, Value | Path | None], environ: Mapping[str, str], folder: Path
) -> Iterator[tuple[str, str, Value]]:
    """Origin, name and checked value of everything that was set, the weakest place first."""
    path = find_file(folder)
    if path is not None:
        for name, value in _read_file(path).items():
            if name == PROMPTS:
                continue
            yield str(path), _known(name, str(path)), _checked(name, value, str(path), path.parent)
    for variable, text in sorted(environ.items()):
        if variable.startswith(ENV_PREFIX) and variable not in OTHER_VARIABLES and text:
            name = _known(variable.removeprefix(ENV_PREFIX).lower(), "the environment", shown=variable)
            yield variable, name, _checked(name, _from_text(name, text, variable), variable, folder)
    for name, flag in flags.items():
        if flag is not None:
            origin = "-k" if name == "k" else f"--{name.replace('_', '-')}"
            value = str(flag) if isinstance(flag, Path) else flag
            yield origin, _known(name, "the flags"), _checked(name, value, origin, folder)


def _prompts(folder: Path) -> dict[str, Mapping[str, object]]:
    """The tables `[prompts.TASK]` of the `rag.toml` seen from `folder`."""
    path = find_file(folder)
    given = _read_file(path).get(PROMPTS, {}) if path is not None else {}
    if not isinstance(given, dict) or not all(isinstance(table, dict) for table in given.values()):
        raise SettingsError(f"{PROMPTS} in {path} has to be tables such as [{PROMPTS}.answer]")
    return given


def _in_words(text: str, folder: Path) -> Iterator[tuple[str, str, Value]]:
    """Origin, name and checked value of each "key = value" of a list with commas."""
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (side.strip() for side in part.partition("="))
        name = _known(key, repr(text)) if equals else ""
        if not name or not (value or KEYS[name].may_be_empty):
            raise SettingsError(f"{part!r} is not a setting with a value, such as: late_weight = 1, fusion = rrf")
        if name == PASSWORDS:  # what is set here is shown
            raise SettingsError(f"{PASSWORDS} cannot be set here. Set {ENV_PREFIX}{PASSWORDS.upper()}")
        bare = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
        yield repr(text), name, _checked(name, _from_text(name, bare, name), repr(text), folder)


def save(path: Path, values: Mapping[str, Value], *, overwrite: bool = False) -> None:
    """Put settings into the `rag.toml` at `path`, which is made where there is none; what else it holds stays as it is.

    Raises SettingsError where it has another value for one of them, unless `overwrite`; where it cannot be written.
    """
    import tomlkit

    path = path.resolve()  # a link stays one
    before = _read_file(path) if path.is_file() else {}
    taken = [f"{name} = {before[name]}" for name, value in values.items() if before.get(name, value) != value]
    if taken and not overwrite:
        raise SettingsError(f"{path} has {', '.join(taken)} already. To put others in their place: --overwrite")
    if path.is_file() and not os.access(path, os.W_OK):
        raise SettingsError(f"{path} may not be written to; nothing was changed")
    data = path.read_bytes() if path.is_file() else b""
    document = tomlkit.parse(data.decode("utf-8-sig"))
    for name, value in values.items():
        document[name] = value
    text = tomlkit.dumps(document)
    if b"\r\n" in data:  # the file's own way of ending lines
        text = re.sub("\r?\n", "\r\n", text)
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(mark + text.encode())
        if path.is_file():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from error


def _read_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}. Its settings would be missed") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}. Mend that line or remove the file") from error


def _known(name: str, place: str, *, shown: str = "") -> str:
    """`name` itself. Raises SettingsError with the nearest known key where there is no such setting."""
    if name in KEYS:
        return name
    if name.lower().replace("-", "_") in ("api_key", "server_key", "server_api_key", "key", "token"):
        raise SettingsError(
            f"{name} in {place}: a key is read from the environment only, where nobody finds it in a "
            f"file or a list of processes. Take it out and set {API_KEY}"
        )
    as_written = (lambda known: ENV_PREFIX + known.upper()) if shown else str
    near = difflib.get_close_matches(name.lower(), KEYS, n=1, cutoff=0.5)
    hint = f"did you mean {as_written(near[0])}?" if near else f"there are {', '.join(map(as_written, KEYS))}."
    raise SettingsError(f"unknown setting {shown or name} in {place}: {hint} What each does: rag config --help")


def _from_text(name: str, text: str, variable: str) -> Value:
    """The value of an environment variable in the setting's type."""
    default = KEYS[name].default
    if isinstance(default, str):
        return text
    if isinstance(default, float):
        if not _DECIMAL.fullmatch(text.strip()):
            raise SettingsError(f"{variable}={text!r} is not a number, as {name} has to be")
        return float(text)
    if not _WHOLE.fullmatch(text.strip()):
        raise SettingsError(f"{variable}={text!r} is not a whole number, as {name} has to be")
    return int(text)


def _checked(name: str, value: object, place: str, folder: Path) -> Value:
    """The value where it has the setting's type and range; a path comes back absolute, seen from `folder`."""
    key = KEYS[name]
    if name == PASSWORDS:
        return _joined_passwords(value, place)
    if not isinstance(key.default, str):
        whole = isinstance(key.default, int)
        if not isinstance(value, int if whole else (int, float)) or isinstance(value, bool):
            raise SettingsError(f"{name} = {value!r} ({place}) is not a {'whole ' * whole}number")
        if not key.least <= value <= key.most:
            raise SettingsError(f"{name} = {value} ({place}) is out of range: {key.least} to {key.most}")
        return value
    if not isinstance(value, str) or "\0" in value or not (value.strip() or key.may_be_empty):
        raise SettingsError(f"{name} = {value!r} ({place}) is not a text")
    if key.choices and value not in key.choices:
        raise SettingsError(f"{name} = {value!r} ({place}) is none of: {', '.join(key.choices)}")
    if name == "server" and value:
        _check_address(value, place)
    if name == "device" and not _DEVICE.fullmatch(value):
        raise SettingsError(f"device = {value!r} ({place}) is none of: auto, cpu, mps, cuda, cuda:0, ..., cuda:all")
    return _placed(value, folder) if key.is_path or _looks_like_path(value) else value


def _joined_passwords(value: object, place: str) -> str:
    """The passwords, one a line. Raises SettingsError, which repeats none of them."""
    given = value.splitlines() if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise SettingsError(f'{PASSWORDS} ({place}) is not a list of texts, such as {PASSWORDS} = ["...", "..."]')
    if any("\n" in each or "\0" in each for each in given):
        raise SettingsError(f"{PASSWORDS} ({place}) has one with a line break in it, which no password has")
    if len(given) > MOST_PASSWORDS:
        raise SettingsError(f"{PASSWORDS} ({place}) has {len(given)}, at most {MOST_PASSWORDS} are tried")
    return "\n".join(filter(None, given))


def _check_address(value: str, place: str) -> None:
    """Raise SettingsError unless it is the URL of a server and nothing more; what may be a secret is not repeated."""
    if any(mark in value for mark in "@?#"):
        raise SettingsError(f"server ({place}) has more than an address in it. A key goes into {API_KEY}, nowhere else")
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise SettingsError(f"server = {value!r} ({place}) is no URL, such as http://localhost:11434/v1")


def _looks_like_path(value: str) -> bool:
    """Whether a model's name is written as a path; a hub name such as `BAAI/bge-m3` is not."""
    return value.startswith(("./", "../", ".\\", "..\\", "~"))


def _placed(value: str, folder: Path) -> str:
    try:
        return os.path.normpath(folder / Path(value).expanduser())
    except RuntimeError as error:  # "~nobody", or no home folder at all
        raise SettingsError(f"{value!r} names a home folder that does not exist") from error
