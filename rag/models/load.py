"""A name → a model that is ready: a built-in one, a folder, or a name on the hub.

Built-in models are fetched at first use, with a line that says so. Once they are there, nothing opens a socket.
"""

from __future__ import annotations

import logging
from pathlib import Path

from rag.errors import ModelError, ModelMissing, SettingsError
from rag.models.cache import RECORD, damage, locate, read_record
from rag.models.catalogue import CATALOGUE, DEFAULT_EMBEDDER, DEFAULT_GENERATOR, Entry
from rag.models.placement import Quantization
from rag.models.threads import prepare
from rag.protocols import Embedder, LanguageModel, PassageReader, Reranker

log = logging.getLogger(__name__)


def load_embedder(
    name: str = DEFAULT_EMBEDDER, *, device: str = "auto", engine: str = "auto", fetch: bool = True
) -> Embedder:
    """The embedder of that name: built in, the folder of one, or one that sentence-transformers knows.

    `device` is as in `rag.models.device.device`; `engine` is `onnx`, `torch`, or `auto`, which takes ONNX Runtime for
    questions and small jobs and what is fastest on this machine for long ones. Not `fetch`: a model of the hub has to
    be in the hub's cache, for a name that an index has, which may be another's. Raises ModelMissing where there is no
    such model, PullFailed where it cannot be fetched, ModelError where it cannot be used.
    """
    prepare()
    entry = CATALOGUE.get(name)
    if entry is not None:
        return _built_in(name, _fetched(_of_kind(entry, "embedder")), device, engine)
    folder = Path(name).expanduser()
    if (folder / RECORD).is_file():
        wrong = damage(folder)
        if wrong:
            raise ModelError(f"The model in {folder} is damaged: {wrong[0]}. Copy it again, or use {DEFAULT_EMBEDDER}")
        if made_of := CATALOGUE.get(read_record(folder).name):
            _of_kind(made_of, "embedder")
        return _built_in(name, folder, device, engine)
    from rag.models.sentence import open_sentence_transformer

    return open_sentence_transformer(name, device=device, engine=engine, fetch=fetch)


def load_reader(*, device: str = "auto", engine: str = "auto") -> PassageReader:
    """The built-in reader of passages, an adapter of the built-in embedder; `device` and `engine` as for that.

    Raises PullFailed where the model cannot be fetched.
    """
    from rag.models.engines import Engines
    from rag.models.passage_reader import EncoderReader

    prepare()
    folder = _fetched(CATALOGUE[DEFAULT_EMBEDDER])
    with _Sound(DEFAULT_EMBEDDER, folder):
        weights = read_record(folder).source_sha256
        return EncoderReader(folder, Engines(folder, weights, device=device, engine=engine).for_reader())


def load_reranker(name: str, *, device: str = "auto") -> Reranker:
    """The cross-encoder of that name: the folder of one, or one that sentence-transformers knows; none is built in.

    Raises ModelMissing where there is no such model, ModelError where it cannot be used.
    """
    from rag.models.reranker import open_cross_encoder

    prepare()
    entry = CATALOGUE.get(name)
    if entry is not None:
        _of_kind(entry, "reranker")
    return open_cross_encoder(name, device=device)


def load_language_model(
    name: str = DEFAULT_GENERATOR, *, device: str = "auto", quantization: Quantization = "none"
) -> LanguageModel:
    """The language model of that name: built in, a folder or GGUF file, or one that transformers knows.

    A GGUF file is run by llama.cpp where xllamacpp is installed, else converted once. Raises ModelMissing, PullFailed
    and ModelError as `load_embedder` does. One that a server has: `rag.models.server.open_server`.
    """
    from rag.models.gguf import open_gguf, runs_gguf
    from rag.models.language import open_built_in, open_language_model

    prepare()
    entry, file = CATALOGUE.get(name), Path(name).expanduser()
    is_gguf = file.suffix.lower() == ".gguf" and file.is_file()
    if quantization != "none" and (entry or is_gguf):
        raise SettingsError(f"quantization = {quantization!r} goes with a model of transformers, which {name} is not")
    if is_gguf and runs_gguf():
        return open_gguf(file, device=device)
    if entry is None:
        return open_language_model(name, device=device, quantization=quantization)
    folder = _fetched(_of_kind(entry, "language model"))
    with _Sound(name, folder):
        return open_built_in(folder, name, device=device, quotes_first=entry.quotes_first)


def _of_kind(entry: Entry, kind: str) -> Entry:
    if entry.kind != kind:
        article = {"embedder": "an embedder", "language model": "a language model", "reranker": "a reranker"}
        names = ", ".join(other.name for other in CATALOGUE.values() if other.kind == kind) or "none"
        raise ModelMissing(f"{entry.name} is {article[entry.kind]}, not {article[kind]}. Built in: {names}")
    return entry


def _fetched(entry: Entry) -> Path:
    """The entry's folder; fetched now where it is not in the cache."""
    folder = locate(entry.name)
    if folder is not None:
        return folder
    from rag.models.pull import announcement, pull

    log.warning(announcement(entry))
    return pull(entry.name)


def _built_in(name: str, folder: Path, device: str, engine: str) -> Embedder:
    from rag.models.encoder import EncoderEmbedder
    from rag.models.engines import Engines

    with _Sound(name, folder):
        weights = read_record(folder).source_sha256
        engines = Engines(folder, weights, device=device, engine=engine)
        if engines.kind != "torch":
            engines.for_query()  # what is wrong with the folder is said now
        embedder = EncoderEmbedder(name, folder, weights, engines)
        embedder.count_tokens([name])  # reads the tokenizer, too
        return embedder


class _Sound:
    """Where what is opened in this context fails, whether the folder of the built-in model `name` is to blame.

    To compare each byte beforehand would take longer than all else that a search does.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder

    def __enter__(self) -> None:
        """Nothing is looked at yet."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Raise ModelError, with what mends it, where bytes of the folder are not those that were written."""
        if not isinstance(error, Exception) or isinstance(error, SettingsError):
            return
        if wrong := damage(self._folder, hashes=True):
            again = f"Fetch it again with: rag models pull {self._name}" if self._name in CATALOGUE else "Copy it again"
            raise ModelError(f"The model in {self._folder} is damaged: {wrong[0]}. {again}") from error
