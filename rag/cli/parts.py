"""The parts that a command hands to the library, made from the settings. Whatever is heavy is imported inside."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, cast

from rag.cli.exits import complain
from rag.cli.progress import Bar
from rag.cli.sources import shown
from rag.datatypes import Sampling
from rag.errors import IndexMissing, shell_quoted
from rag.models.threads import prepare_numpy
from rag.settings import API_KEY, Settings

if TYPE_CHECKING:
    from rag import Generator, Index, Retriever
    from rag.datatypes import Reading
    from rag.index.chunking import Chunking
    from rag.models.placement import Quantization
    from rag.protocols import Embedder, LanguageModel, PassageReader, Reranker
    from rag.retrieval.fuse import Fusion

Mode = Literal["auto", "quotes", "prose"]
Unsupported = Literal["drop", "mark"]
Method = Literal["scores", "rrf"]


def prepared(settings: Settings) -> Settings:
    """The settings, with the number of threads told to those who read it when they load."""
    if settings.threads:
        os.environ["RAG_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(settings.threads)
    else:
        os.environ.pop("RAG_THREADS", None)  # 0: rag.models.threads decides
    prepare_numpy()
    return settings


def open_index(settings: Settings) -> Index:
    """The index of the settings, for reading. Raises IndexMissing, IndexDamaged."""
    from rag import Index

    return Index.open(settings.index)


def open_retriever(settings: Settings, index: Index) -> Retriever:
    """A retriever with the index's own embedder or the one that the user chose, and the reranker, if one is set."""
    from rag import Retriever

    index.prepare()
    embedder = open_embedder(settings, index)
    index.manifest.require(settings.index, embedder=embedder)
    return Retriever(index, embedder, open_reranker(settings), fusion=fusion_of(settings))


def open_reranker(settings: Settings) -> Reranker | None:
    """The cross-encoder that is set; None where none is."""
    if not settings.reranker:
        return None
    from rag.models.load import load_reranker

    return load_reranker(settings.reranker, device=settings.device)


def fusion_of(settings: Settings) -> Fusion:
    """How a search joins its legs."""
    from rag.retrieval.fuse import Fusion

    return Fusion(
        cast(Method, settings.fusion),
        dense=settings.dense_weight,
        lexical=settings.lexical_weight,
        exact=settings.exact_weight,
        named=settings.named_weight,
        late=settings.late_weight,
    )


def open_embedder(settings: Settings, index: Index | None) -> Embedder:
    """The embedder that the user chose, else the index's own, else the default.

    What an index names is not fetched from the hub: the index may be another's, and nobody has asked for that.
    """
    from rag import load_embedder

    own = index.manifest.embedder if index is not None and not settings.chosen("embedder") else ""
    name = own or settings.embedder
    fetch(name)
    return load_embedder(name, device=settings.device, engine=settings.engine, fetch=not own)


def ingest_parts(settings: Settings, *, rebuild: bool) -> tuple[Embedder, Chunking]:
    """Embedder and chunking for `rag ingest`: what was not set is the index's own where there is one."""
    from rag import Index
    from rag.index.chunking import Chunking

    wanted = Chunking(max_tokens=settings.chunk_tokens, context_tokens=settings.context_tokens)
    if rebuild:
        return open_embedder(settings, None), wanted
    try:
        index = Index.open(settings.index)
    except IndexMissing:
        return open_embedder(settings, None), wanted
    with index:
        own = index.manifest.chunking
        chunking = Chunking(
            max_tokens=wanted.max_tokens if settings.chosen("chunk_tokens") else own.max_tokens,
            context_tokens=wanted.context_tokens if settings.chosen("context_tokens") else own.context_tokens,
        )
        return open_embedder(settings, index), chunking


class LateReader:
    """A reader that is loaded when it is first asked."""

    def __init__(self, load: Callable[[], PassageReader]) -> None:
        self._load = load
        self._reader: PassageReader | None = None

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """What each passage has of an answer."""
        self._reader = self._reader or self._load()
        return self._reader.read(question, passages)


def make_generator(settings: Settings, *, late: bool = False) -> Generator:
    """A generator with the built-in reader; its language model is loaded when it is asked, never for quotes.

    The reader is loaded now or, with `late`, when it is asked: a summary never asks it.
    """
    from rag import Generator, load_reader
    from rag.generation.templates import customised
    from rag.models.catalogue import CATALOGUE, DEFAULT_EMBEDDER

    entry = None if settings.server else CATALOGUE.get(settings.generator)

    def reader() -> PassageReader:
        fetch(DEFAULT_EMBEDDER)
        return load_reader(device=settings.device, engine=settings.engine)

    return Generator(
        LateReader(reader) if late else reader(),
        partial(open_language_model, settings),
        mode=cast(Mode, settings.answer),
        quotes_first=entry.quotes_first if entry else None,
        sampling=Sampling(settings.max_tokens, settings.temperature, settings.seed),
        unsupported=cast(Unsupported, settings.unsupported),
        risk=settings.risk or None,
        templates=customised(settings.prompts),
    )


def open_language_model(settings: Settings) -> LanguageModel:
    """The language model of the settings: that of the server where one is set, else one in this process."""
    from rag import load_language_model

    if settings.server:
        return _of_server(settings)
    fetch(settings.generator)
    quantization = cast("Quantization", settings.quantization)
    return load_language_model(settings.generator, device=settings.device, quantization=quantization)


def _of_server(settings: Settings) -> LanguageModel:
    """The server's model. One that a file names is announced, and never gets the key: the file may be another's."""
    from rag.models.server import open_server

    key = os.environ.get(API_KEY, "").strip()
    if settings.in_file("server"):
        kept = f"; {API_KEY} is not: name the server in RAG_SERVER or --server for that" if key else ""
        complain(f"question and passages are sent to {settings.server}, named in {settings.origins['server']}{kept}")
        key = ""
    return open_server(settings.server, settings.generator, key=key, context_tokens=settings.server_context)


def index_flag(settings: Settings) -> str:
    """What another command needs in order to look into the same index, "" where it would anyway."""
    typed = settings.origins.get("index") == "--index"
    return f" --index {shell_quoted(shown(str(settings.index)))}" if typed else ""


def fetch(name: str) -> None:
    """Pull a built-in model that is not there yet, announced and with a bar; nothing for any other name."""
    from rag.models.cache import locate
    from rag.models.catalogue import CATALOGUE

    if name in CATALOGUE and locate(name) is None:
        from rag.models.pull import announcement, pull

        complain(announcement(CATALOGUE[name]))
        with Bar() as bar:
            pull(name, progress=bar)
