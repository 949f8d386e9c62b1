"""The flags that several commands share, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

IndexFlag = Annotated[
    Path | None, typer.Option("--index", metavar="FOLDER", help="Folder of the index (see: rag config).")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]
CountFlag = Annotated[int | None, typer.Option("-k", metavar="N", help="How many hits [default: 5].")]
EmbedderFlag = Annotated[
    str | None, typer.Option("--embedder", metavar="NAME", help="Embedder: a built-in name, a hub name or a folder.")
]
GeneratorFlag = Annotated[
    str | None,
    typer.Option(
        "--generator", metavar="NAME", help="Language model: a built-in name, hub name, folder or .gguf file."
    ),
]
ServerFlag = Annotated[
    str | None, typer.Option("--server", metavar="URL", help="OpenAI-compatible server that has the language model.")
]
RerankerFlag = Annotated[
    str | None, typer.Option("--reranker", metavar="NAME", help="Cross-encoder that has the last word on the order.")
]
DeviceFlag = Annotated[str | None, typer.Option("--device", metavar="NAME", help="auto, cpu, mps, cuda, cuda:0, ...")]
EngineFlag = Annotated[str | None, typer.Option("--engine", metavar="NAME", help="What embeds: auto, onnx or torch.")]
AnswerFlag = Annotated[
    Literal["auto", "quotes", "prose"] | None,
    typer.Option("--answer", metavar="MODE", help="auto, quotes (word for word) or prose (each sentence verified)."),
]
RiskFlag = Annotated[
    float | None,
    typer.Option("--risk", metavar="SHARE", help="Share of wrong among the answered that you accept, such as 0.05."),
]
WhereFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="FILTER",
        help='Look only there, such as "format = pdf, modified >= 2024-05"; fields: source, format, language, heading, '
        "modified, keys of metadata. May be given several times.",
    ),
]
CorpusArgument = Annotated[Path, typer.Argument(help="A folder in BEIR's form.", show_default=False)]
LimitFlag = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Only the first N queries.")]
CacheFlag = Annotated[
    Path | None, typer.Option("--index", metavar="FOLDER", help="Folder of the index [default: in the user's cache].")
]
