"""The workload on disks that are too small, each larger than the last: `python -m tests.reliability.small_disk`.

    FOLDER LIMIT STEP

A memory file system is mounted on FOLDER, so run it in a mount namespace of its own (`unshare -rm`). LIMIT is what
grows, by STEP at a time: `size` in bytes or `nr_inodes`. On each disk the workload must say that it is full, and go on
to its end when there is room; prints on how many it was full before there was one that is large enough.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rag.errors import RagError
from tests.reliability import workload
from tests.reliability.recovery import Oracle, documents, recover, undisturbed

ROOMY = "size=64m,nr_inodes=1000"
LEAST = {"size": 8192, "nr_inodes": 2}


def mount(folder: Path, options: str) -> None:
    """Mount a disk, or change the one that is mounted."""
    again = ",remount" if folder.is_mount() else ""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options + again, "tmpfs", str(folder)], check=True)


def fill(path: Path, oracle: Oracle, options: str) -> bool:
    """Whether the disk was full; if so, the workload said that and could go on when there was room."""
    mount(path.parent, options)
    reached, said = attempt(path)
    if not said:
        return False
    assert "is full. The index keeps its last commit" in said, f"{options}, after state {reached}: {said}"
    assert not [name for name in open_files() if name.startswith(str(path))], options
    look(path, options)
    mount(path.parent, ROOMY)
    recover(path, reached, oracle)
    workload.clear(path)
    return True


def attempt(path: Path) -> tuple[int, str]:
    """The last state that the workload reached, and what the RagError said that ended it, if one did."""
    reached = 0
    try:
        for _ in workload.run(path):
            reached += 1
    except RagError as error:
        return reached, str(error)
    return reached, ""


def look(path: Path, options: str) -> None:
    """Open the index on the full disk: it is sound, or there is no room to open it and that is what is said."""
    said = ""
    try:
        documents(path)
    except RagError as error:
        said = str(error)
    assert not said or "is full" in said, f"{options}: {said}"


def open_files() -> list[str]:
    """The names of the files that this process has open, deleted or not."""
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]  # noqa: PTH208
    return [str(link.readlink()) for link in links if link.is_symlink()]


def main(folder: Path, limit: str, step: int) -> None:
    """Fill one disk after the other."""
    with tempfile.TemporaryDirectory() as elsewhere:
        oracle = undisturbed(Path(elsewhere) / "index")
    for full in itertools.count():
        if not fill(folder / "index", oracle, f"{ROOMY},{limit}={LEAST[limit] + full * step}"):
            print(full)
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
