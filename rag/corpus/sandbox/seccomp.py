"""seccomp: a Linux process gives up system calls for good. No privilege is needed.

A filter is a small program (linux/filter.h) over the number of a call and its arguments. It lets everything through
but what is listed here: sockets, other processes, changes of files, what kernels had holes in.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Iterator

_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF: load a word, jump if equal, jump if a bit is set
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_EPERM, _ENOSYS = 1, 38
_THREAD = 0x10000  # clone of a thread
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_OTHER_ABI = 0x40000000  # a bit of the numbers of x32

Instruction = tuple[int, int, int, int]

_CALLS = {
    "x86_64": {
        **{"socket": 41, "socketpair": 53, "connect": 42, "bind": 49, "listen": 50},
        **{"execve": 59, "execveat": 322, "fork": 57, "vfork": 58, "ptrace": 101, "kill": 62, "tkill": 200},
        **{"process_vm_readv": 310, "process_vm_writev": 311, "pidfd_open": 434, "pidfd_send_signal": 424},
        **{"pidfd_getfd": 438, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "unshare": 272, "setns": 308},
        **{"mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "bpf": 321, "perf_event_open": 298},
        **{"userfaultfd": 323, "keyctl": 250, "add_key": 248, "request_key": 249, "init_module": 175},
        **{"finit_module": 313, "delete_module": 176, "kexec_load": 246, "open_by_handle_at": 304, "reboot": 169},
        **{"chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93, "lchown": 94, "fchownat": 260, "fchmodat": 268},
        **{"utime": 132, "utimes": 235, "futimesat": 261, "utimensat": 280, "setxattr": 188, "lsetxattr": 189},
        **{"fsetxattr": 190, "truncate": 76, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85, "link": 86},
        **{"unlink": 87, "symlink": 88, "mknod": 133, "mkdirat": 258, "mknodat": 259, "unlinkat": 263},
        **{"renameat": 264, "renameat2": 316, "linkat": 265, "symlinkat": 266},
    },
    "aarch64": {
        **{"socket": 198, "socketpair": 199, "connect": 203, "bind": 200, "listen": 201},
        **{"execve": 221, "execveat": 281, "ptrace": 117, "kill": 129, "tkill": 130},
        **{"process_vm_readv": 270, "process_vm_writev": 271, "pidfd_open": 434, "pidfd_send_signal": 424},
        **{"pidfd_getfd": 438, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "unshare": 97, "setns": 268},
        **{"mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "bpf": 280, "perf_event_open": 241},
        **{"userfaultfd": 282, "keyctl": 219, "add_key": 217, "request_key": 218, "init_module": 105},
        **{"finit_module": 273, "delete_module": 106, "kexec_load": 104, "open_by_handle_at": 265, "reboot": 142},
        **{"fchmod": 52, "fchmodat": 53, "fchownat": 54, "fchown": 55, "utimensat": 88, "setxattr": 5},
        **{"lsetxattr": 6, "fsetxattr": 7, "truncate": 45, "mknodat": 33, "mkdirat": 34, "unlinkat": 35},
        **{"symlinkat": 36, "linkat": 37, "renameat": 38, "renameat2": 276},
    },
}
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE = {"x86_64": 56, "aarch64": 220}
_OPENAT = {"x86_64": 257, "aarch64": 56}
_OPEN = {"x86_64": 2}
_TGKILL = {"x86_64": 234, "aarch64": 131}
_PRLIMIT = {"x86_64": 302, "aarch64": 261}
_ABSENT = (425, 435, 437)  # io_uring_setup, clone3, openat2: there are older calls for what they do


def filtered() -> set[str]:
    """Give up the calls; which of "sockets", "processes", "writing" the kernel now refuses: all or none."""
    program = _program(platform.machine(), os.getpid())
    if not program:
        return set()
    packed = b"".join(struct.pack("=HBBI", *each) for each in program)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    head = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SECCOMP, _FILTER, head, 0, 0):
        return set()
    return {"sockets", "processes", "writing"}


def _program(machine: str, process: int) -> list[Instruction]:
    """The filter for a process on such a machine; empty where its numbers are not known."""
    if machine not in _CALLS or struct.calcsize("P") != 8:
        return []
    program: list[Instruction] = [
        _load(_ARCHITECTURE),
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        _return(_KILL),
        _load(_NUMBER),
    ]
    if machine == "x86_64":
        program += [(_ANY_BIT, 0, 1, _OTHER_ABI), _return(_ERROR | _ENOSYS)]
    for number in sorted(_CALLS[machine].values()):
        program += [(_EQUAL, 0, 1, number), _return(_ERROR | _EPERM)]
    for number in _ABSENT:
        program += [(_EQUAL, 0, 1, number), _return(_ERROR | _ENOSYS)]
    for rule in _rules(machine, process):
        program += rule
    return [*program, _return(_ALLOW)]


def _rules(machine: str, process: int) -> Iterator[list[Instruction]]:
    """Calls that are refused for some of their arguments."""
    yield _only(_CLONE[machine], 0, (_ANY_BIT, 1, 0, _THREAD))
    yield _only(_TGKILL[machine], 0, (_EQUAL, 1, 0, process))  # with which abort() ends its own process
    yield _only(_PRLIMIT[machine], 0, (_EQUAL, 1, 0, 0))
    yield _only(_OPENAT[machine], 2, (_ANY_BIT, 0, 1, _WRITING))
    if machine in _OPEN:
        yield _only(_OPEN[machine], 1, (_ANY_BIT, 0, 1, _WRITING))


def _only(number: int, argument: int, test: Instruction) -> list[Instruction]:
    """The call is let through where the test of an argument jumps over the refusal."""
    return [
        (_EQUAL, 0, 4, number),
        _load(_ARGUMENTS + 8 * argument),
        test,
        _return(_ERROR | _EPERM),
        _return(_ALLOW),
    ]


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _return(action: int) -> Instruction:
    return (_RETURN, 0, 0, action)
