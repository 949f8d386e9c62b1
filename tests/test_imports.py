"""The layout as a test: who may import whom, and what must never be loaded early."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import rag

PACKAGE = Path(rag.__file__).parent
EVERYONE = {"datatypes", "errors", "protocols", "rag", "threads"}
ALLOWED: dict[str, set[str]] = {
    "datatypes": set(),
    "errors": set(),
    "protocols": set(),
    "rag": {"datatypes", "errors", "generation", "index", "models", "pipeline", "retrieval", "settings"},
    "threads": set(),
    "text": set(),
    "settings": set(),
    "corpus": {"text"},
    "index": {"text"},
    "generation": {"text"},
    "models": {"text"},
    "retrieval": {"index", "text"},
    "slabs": {"index", "text"},
    "batches": set(),
    "reports": set(),
    "record": {"corpus"},
    "opening": {"corpus", "record"},
    "intake": {"batches", "corpus", "index", "opening", "record", "reports", "slabs", "text"},
    "pipeline": {"intake", "reports", "corpus", "index", "generation", "retrieval", "text"},
    "transcript": set(),
    "conversation": {"pipeline", "generation", "retrieval", "transcript"},
    "evaluation": {
        "conversation",
        "pipeline",
        "reports",
        "corpus",
        "index",
        "generation",
        "retrieval",
        "text",
        "models",
        "settings",
    },
    "cli": {
        "conversation",
        "transcript",
        "pipeline",
        "intake",
        "record",
        "reports",
        "corpus",
        "index",
        "generation",
        "retrieval",
        "models",
        "evaluation",
        "settings",
        "text",
    },
}
HEAVY = {
    "torch": "models",
    "transformers": "models",
    "sentence_transformers": "models",
    "onnxruntime": "models",
    "faiss": "index/dense.py",
}


def python_files() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        stage = relative.parts[0] if len(relative.parts) > 1 else path.stem.replace("__init__", "rag")
        yield stage, path


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize(("stage", "path"), list(python_files()), ids=lambda value: str(value)[-40:])
def test_a_stage_imports_only_what_comes_before_it(stage: str, path: Path) -> None:
    allowed = ALLOWED[stage] | EVERYONE | {stage}
    for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        parts = name.split(".")
        if parts[0] == "rag":
            target = parts[1] if len(parts) > 1 else "rag"
            assert target in allowed, f"{path.relative_to(PACKAGE)} imports {name}"


@pytest.mark.parametrize(("stage", "path"), list(python_files()), ids=lambda value: str(value)[-40:])
def test_heavy_libraries_are_imported_in_their_place_and_inside_functions(stage: str, path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    relative = path.relative_to(PACKAGE).as_posix()
    for name in imports(tree):
        home = HEAVY.get(name.split(".")[0])
        assert home is None or relative.startswith(home), f"{relative} imports {name}"
    for node in tree.body:
        for name in imports(node) if isinstance(node, ast.Import | ast.ImportFrom) else ():
            assert name.split(".")[0] not in HEAVY, f"{relative} imports {name} when it is loaded"


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(' '.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_import_rag_loads_nothing_heavy() -> None:
    assert not {"numpy", "torch", "faiss", "typer", "rich"} & loaded_by("import rag")


def test_every_public_name_resolves() -> None:
    assert len(rag.__all__) <= 15
    for name in rag.__all__:
        assert getattr(rag, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        rag.nonsense  # noqa: B018
