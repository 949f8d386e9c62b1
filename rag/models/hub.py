"""The files of an embedder or reranker: a folder, or a name on the Hugging Face hub, fetched once; checked first."""

from __future__ import annotations

import json
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ModelError, ModelMissing, PullFailed
from rag.models.catalogue import CATALOGUE

log = logging.getLogger(__name__)

_PATTERNS = ["*.json", "*.txt", "*.model", "*.safetensors", "*.jinja"]
_TWICE = ["consolidated*"]  # the same weights once more, as Mistral's own programs read them
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a model is wanted as: who owns a hub name without an owner, the class that opens it, one to be named."""

    noun: str
    owner: str
    opened_by: str
    example: str

    @property
    def choices(self) -> str:
        """What to give instead of a name that does not lead to a model."""
        built_in = ", ".join(entry.name for entry in CATALOGUE.values() if entry.kind == self.noun)
        return f"Built in: {built_in or 'none'}. Else give a folder, or a name on the hub such as {self.example}"


EMBEDDER = Kind("embedder", "sentence-transformers", "SentenceTransformer", "intfloat/e5-small-v2")
RERANKER = Kind("reranker", "cross-encoder", "CrossEncoder", "BAAI/bge-reranker-v2-m3")


def checked_folder(name: str, kind: Kind = EMBEDDER, *, fetch: bool = True) -> Path:
    """The folder with the files of the model `name`; not `fetch`: a hub model has to be in the hub's cache.

    Raises ModelMissing where neither a folder nor the hub has it, ModelError where it needs pickles or code.
    """
    folder = Path(name).expanduser()
    if not name or not folder.is_dir():
        if not _HUB_NAME.fullmatch(name) or folder.exists():
            raise ModelMissing(f"There is no {kind.noun} at {name!r}. {kind.choices}")
        full = name if "/" in name else f"{kind.owner}/{name}"
        folder = _cached(full) or _fetched(full, kind, fetch=fetch)
    _refuse_pickles(name, folder, kind)
    _refuse_code(name, folder, kind)
    return folder


def is_hub_name(name: str) -> bool:
    """Whether it is written as the name of a model on the hub, with its owner."""
    return "/" in name and _HUB_NAME.fullmatch(name) is not None


def keep_quiet() -> None:
    """Tell the hub's library, before it is imported, to ask and to say nothing beside what it is asked for."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def pull(name: str) -> Path:
    """The hub's folder of that name, whatever kind of model it is; fetched where it is not in the hub's cache.

    Raises PullFailed where it could not be had.
    """
    try:
        return _cached(name) or _download(name)
    except failures() as problem:
        raise PullFailed(
            f"{name} could not be fetched from the hub: {first_line(problem)}. Check the name and the network, then: "
            f"rag models pull {name}"
        ) from problem


def failures() -> tuple[type[Exception], ...]:
    """What asking the hub may raise: errors of the network, the disk and the hub; a proxy that httpx does not know."""
    from huggingface_hub.errors import HfHubHTTPError

    # Its bases are OSError, and the root of the errors of whichever HTTP library the hub's uses.
    return (*HfHubHTTPError.__bases__, OSError, ValueError, ImportError)


def _cached(name: str) -> Path | None:
    """The model's folder in the hub's cache, whole and with weights; None where it is not there so."""
    keep_quiet()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        folder = Path(snapshot_download(name, allow_patterns=_PATTERNS, local_files_only=True))
    except (HFValidationError, OSError):
        return None
    return folder if any(folder.rglob("*.safetensors")) else None


def _fetched(name: str, kind: Kind, *, fetch: bool) -> Path:
    """The model's folder after it has been fetched. Raises ModelMissing where it cannot be, or is not to be."""
    if not fetch:
        raise ModelMissing(
            f"The index was made with the {kind.noun} {name!r}, which is not on this machine. Fetch it from the "
            f"Hugging Face hub with: rag models pull {name}"
        )
    try:
        return _download(name)
    except failures() as problem:
        raise ModelMissing(
            f"The {kind.noun} {name!r} could not be fetched from the hub: {first_line(problem)}. {kind.choices}. "
            f"Where there is a network, a folder comes from: hf download {name} --local-dir FOLDER"
        ) from problem


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download

    log.warning("Fetching %s from the Hugging Face hub once.", name)
    return Path(snapshot_download(name, allow_patterns=_PATTERNS, ignore_patterns=_TWICE))


def first_line(problem: Exception) -> str:
    """What a failure of a library says, in a line without its full stop."""
    return next(iter(str(problem).strip().splitlines()), type(problem).__name__).rstrip(".")


def _refuse_pickles(name: str, folder: Path, kind: Kind) -> None:
    """Every folder of the model that has weights must have them as safetensors."""
    for place in [folder, *(path for path in folder.iterdir() if path.is_dir())]:
        names = sorted(path.name for path in place.iterdir() if path.is_file())
        pickles = [file for file in names if file.endswith(_PICKLES) and file != "training_args.bin"]
        if pickles and not any(file.endswith(".safetensors") for file in names):
            raise ModelError(
                f"{name} has its weights as pickles only ({pickles[0]}), and reading those can run code. Use a model "
                f"with model.safetensors, or where you trust it: {kind.opened_by}(folder).save_pretrained(other)"
            )
    if not any(folder.rglob("*.safetensors")):
        raise ModelMissing(f"{name} holds no model.safetensors, so there are no weights to load. {kind.choices}")


def _refuse_code(name: str, folder: Path, kind: Kind) -> None:
    """The classes that modules.json names must be those of sentence-transformers: others would be imported and run."""
    path = folder / "modules.json"
    if not path.is_file():
        return
    try:
        kinds = [str(module["type"]) for module in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, KeyError, TypeError) as problem:
        raise ModelError(f"{path} cannot be read: {problem!r}. Fetch the model again, or choose another") from problem
    foreign = [kind for kind in kinds if not kind.startswith("sentence_transformers.")]
    if foreign:
        raise ModelError(f"{name} needs code of its own ({foreign[0]}), which is never run. Choose another {kind.noun}")
