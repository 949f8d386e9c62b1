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
from rag.settings import FILE_NAME, Settings, find_file, save

if TYPE_CHECKING:
    from rag.evaluation.tune import Tuning
    from rag.retrieval.fuse import Fusion

CHANCE = 0.05


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

    They are chosen on one half of the questions (those of half of the documents) and reported on the other, which has
    no say. Where that half fares worse with them, nothing is written.

    Example: rag tune corpora/handbook --dry-run
    """
    from rag.evaluation.tune import tune as tune_library

    settings = prepared(Settings.load({"index": index, "embedder": embedder, "device": device, "engine": engine}))
    if settings.fusion != "scores":
        raise SettingsError(f"fusion = {settings.fusion} ({settings.origins['fusion']}) has no weights to tune")
    parts, chunking = ingest_parts(settings, rebuild=index is None)
    with Bar() as bar:
        found = tune_library(
            corpus, parts, chunking=chunking, fusion=fusion_of(settings), limit=limit, index=index, progress=bar
        )
    file = find_file(Path.cwd()) or Path.cwd() / FILE_NAME
    if json:
        jsonout.write_json({"corpus": str(corpus), **_tuning_object(found), "file": str(file)})
    else:
        _print_tuning(found)
    if not found.better:
        complain("nothing better was found that holds on the rest; the weights stay as they are")
    elif not dry_run:
        _write(found, file, overwrite=overwrite)


def _write(found: Tuning, file: Path, *, overwrite: bool) -> None:
    before, after = _weights(found.before), _weights(found.after)
    changed = {name: value for name, value in after.items() if value != before[name]}
    save(file, changed, overwrite=overwrite)
    complain(f"written to {file}: " + ", ".join(f"{name} = {value:g}" for name, value in changed.items()))
    if found.rest.difference.p > CHANCE:
        complain("the gain on the rest may be chance (p > 0.05); more questions would tell")


def _weights(fusion: Fusion) -> dict[str, float]:
    """The weights as settings."""
    return {f"{name}_weight": getattr(fusion, name) for name in ("dense", "lexical", "exact", "late")}


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
    rows = [("", "queries", "before", "after", "difference", "", "")]
    for name, half in (("chosen on", found.development), ("the rest", found.rest)):
        sizes = (f"{half.queries}", f"{half.before:.4f}", f"{half.after:.4f}")
        rows.append((f"nDCG@10, {name}", *sizes, *render.difference_cells(half.difference)))
    paper.line()
    render.show_table(paper, rows)
