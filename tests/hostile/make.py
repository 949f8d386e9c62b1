"""Write the hostile files into a folder: python -m tests.hostile.make FOLDER

The same bytes each time. `FOLDER/root` is what is to be ingested, `FOLDER/outside` what must not be read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.hostile import archives, markup, pdfs, places, texts
from tests.hostile.case import CANARY, Case


def cases() -> Iterator[Case]:
    """Every hostile file, by what it is made of."""
    for family in (markup, archives, pdfs, texts, places):
        yield from family.cases()


def make(folder: Path, chosen: Iterator[Case]) -> tuple[Path, list[Case], dict[str, str]]:
    """The root with the files, those that there are now, and why the others cannot be here, by path."""
    root, outside = folder / "root", folder / "outside"
    root.mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.txt").write_text(f"{CANARY}: this file lies outside of the root.\n")
    made, missing = [], {}
    for case in chosen:
        try:
            case.make(root)
            made.append(case)
        except OSError as error:
            missing[case.path] = error.strerror or str(error)
    return root, made, missing


if __name__ == "__main__":
    where, files, absent = make(Path(sys.argv[1]), cases())
    print(f"{len(files)} files in {where}")
    for path, why in absent.items():
        print(f"not here: {path!a}: {why}")
