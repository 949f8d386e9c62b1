"""Landlock: a Linux process gives up all files but some, and all TCP ports, for good. No privilege is needed.

The numbers are those of linux/landlock.h; the calls have the same numbers on every architecture.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1  # a flag of _CREATE: only say which version the kernel has
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # how many kinds of access a version knows; 16 from the fifth on
_TCP = 0b11  # bind and connect, from version 4
_SCOPES = 0b11  # abstract sockets and signals to those outside, from version 6
_NO_NEW_PRIVILEGES = 38


def landlocked(readable: Sequence[str]) -> set[str]:
    """Let this process read under these folders and nothing else; which of "files", "tcp" the kernel now refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION)
    if version < 1 or libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return set()
    files = (1 << _FILE_RIGHTS.get(version, 16)) - 1
    rules = struct.pack("=QQQ", files, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    rules = rules[: 8 if version < 4 else 16 if version < 6 else 24]  # an older kernel takes no longer ones
    ruleset = libc.syscall(_CREATE, rules, ctypes.c_size_t(len(rules)), 0)
    if ruleset < 0:
        return set()
    try:
        for path in readable:
            _allow(libc, ruleset, path)
        held = libc.syscall(_RESTRICT, ruleset, 0) == 0
    finally:
        os.close(ruleset)
    return ({"files", "tcp"} if version >= 4 else {"files"}) if held else set()


def _allow(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = _READ_FILE | _READ_DIR if os.path.isdir(path) else _READ_FILE  # noqa: PTH112
        libc.syscall(_ADD, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, folder), 0)
    finally:
        os.close(folder)
