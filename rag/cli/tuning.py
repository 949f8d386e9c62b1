"""tune: weights of the search that suit a user's questions better, put into rag.toml."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.cli import jsonout, render
from rag.cli.exits import complain, ends_well
from rag.cli.options import CacheFlag, CorpusArgument, DeviceFlag, EmbedderFlag, EngineFlag, JsonFlag, LimitFlag
from rag.cli.parts import fusion_of, ingest_parts, prepared
from rag.cli.progress import Bar
from rag.errors import SettingsError
from rag.settings import FILE_NAME, Settings, find_file, project_folder, save

if TYPE_CHECKING:
    from rag.evaluation.tune import Tuning
    from rag.retrieval.fuse import Fusion


@ends_well
def tune(
    corpus: CorpusArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is found, write nothing.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace weights that rag.toml has already.")] = False,
    limit: LimitFlag = None,
    index: CacheFlag = None,
    embedder: EmbedderFlag = None,
    device: DeviceFlag = None,
    engine: EngineFlag = None,
    json: JsonFlag = False,
) -> None:
    """Find the weights of the search that suit your questions, and put them into rag.toml.

    They are chosen on one half of the questions (those of half of the documents) and tried on the other. They are
    written where that half fares better with them by more than chance.

    Example: rag tune corpora/handbook --dry-run
    """
    from rag.evaluation.dataset import read_set
    from rag.evaluation.tune import tune as tune_library

    settings = prepared(Settings.load({"index": index, "embedder": embedder, "device": device, "engine": engine}))
    file = find_file(Path.cwd()) or project_folder(Path.cwd()) / FILE_NAME
    _check_place(settings, file, overwrite=overwrite, dry_run=dry_run)
    dataset = read_set(corpus, limit)  # what is wrong with it shows now, before a model is loaded
    parts, chunking = ingest_parts(settings, rebuild=index is None)
    with Bar() as bar:
        found = tune_library(dataset, parts, chunking=chunking, fusion=fusion_of(settings), index=index, progress=bar)
    if json:
        jsonout.write_json({"corpus": str(corpus), **_tuning_object(found), "file": str(file)})
    else:
        _print_tuning(found)
    if settings.reranker:
        complain(
            f"measured without reranker = {settings.reranker} ({settings.origins['reranker']}), which has the last "
            f"word on the order: in a search with it, weights only decide which hits it is handed"
        )
    lines = ", ".join(f"{name} = {value:g}" for name, value in _weights(found.after).items())
    if found.after == found.before:
        complain("no better weights were found; nothing is written")
    elif not found.better:
        complain(f"on the rest the difference may be chance; nothing is written. To try them all the same: {lines}")
    elif not dry_run:
        save(file, _weights(found.after), overwrite=overwrite)
        complain(f"written to {file}: {lines}")


def _check_place(settings: Settings, file: Path, *, overwrite: bool, dry_run: bool) -> None:
    """Raises SettingsError where weights could not be written or would not count, before anything is measured."""
    if settings.fusion != "scores":
        raise SettingsError(f"fusion = {settings.fusion} ({settings.origins['fusion']}) has no weights to tune")
    for name in () if dry_run else _weights(fusion_of(settings)):
        origin = settings.origins[name]
        if origin == str(file) and not overwrite:
            raise SettingsError(f"{file} has {name} already. To put another in its place: rag tune --overwrite")
        if origin not in ("default", str(file)):
            raise SettingsError(f"{origin} would win over {file}; unset it first")


def _weights(fusion: Fusion) -> dict[str, float]:
    """The weights as settings."""
    return {f"{name}_weight": weight for name, weight in fusion.weights.items()}


def _tuning_object(found: Tuning) -> dict[str, Any]:
    return {
        "before": _weights(found.before),
        "after": _weights(found.after),
        "development": dataclasses.asdict(found.development),
        "rest": dataclasses.asdict(found.rest),
        "better": found.better,
    }


def _print_tuning(found: Tuning) -> None:
    paper = render.Paper()
    before, after = _weights(found.before), _weights(found.after)
    render.show_table(paper, [(name, f"{before[name]:g}", "→", f"{after[name]:g}") for name in before])
    chosen, rest = found.development, found.rest
    rows = [
        ("", "questions", "before", "after", "difference"),
        ("nDCG@10, chosen on", f"{chosen.queries}", f"{chosen.before:.4f}", f"{chosen.after:.4f}", ""),
        (
            *("nDCG@10, the rest", f"{rest.queries}", f"{rest.before:.4f}", f"{rest.after:.4f}"),
            "  ".join(render.difference_cells(rest.difference)),
        ),
    ]
    paper.line()
    render.show_table(paper, rows)
