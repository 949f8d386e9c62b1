"""On every platform, from within Python: no socket, no process, no file beyond the installation.

It stops libraries that mean well and code that does not know of it; what native code does it does not see. Where the
kernel can (`landlock`, `seccomp`), it stops the rest.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_REFUSED = ("socket.", "subprocess.", "shutil.", "tempfile.", "winreg.", "urllib.", "ftplib.", "http.", "smtplib.")
_REFUSED_ALONE = frozenset(
    f"os.{name}"
    for name in (
        *("exec", "fork", "forkpty", "posix_spawn", "spawn", "startfile", "startfile/2", "system", "kill", "killpg"),
        *("chmod", "chown", "link", "mkdir", "remove", "rename", "rmdir", "symlink", "truncate", "utime", "chflags"),
        *("setxattr", "removexattr", "add_dll_directory"),
    )
) | {"pty.spawn", "sqlite3.connect"}


def audited(readable: Sequence[str]) -> None:
    """Refuse from now on all that parsing needs not; files under these folders may be read, and nothing written."""
    inside = tuple(f"{folder.rstrip(os.sep)}{os.sep}" for folder in readable)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            if not _may_be_opened(arguments, inside):
                raise PermissionError(errno.EACCES, "a parser opens no files", str(arguments[0]))
        elif event in _REFUSED_ALONE or event.startswith(_REFUSED):
            raise PermissionError(errno.EPERM, f"a parser may not do this: {event}")

    sys.addaudithook(hook)


def _may_be_opened(arguments: tuple[Any, ...], inside: tuple[str, ...]) -> bool:
    path, mode, flags = (*arguments, None, None)[:3]
    if isinstance(path, int):
        return True
    if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITING):
        return False
    try:
        return os.path.abspath(os.fsdecode(path)).startswith(inside)  # noqa: PTH100 (a Path costs ten times as much)
    except (TypeError, ValueError):
        return False
