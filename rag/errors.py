"""Everything that a user can fix, as one tree.

    RagError                  one line on stderr, exit 1
    ├── SettingsError         an unknown key, a value out of range
    ├── CorpusError           a root that cannot be read, a removal that needs a yes
    ├── FilterError           a condition that cannot be read, an unknown field
    ├── ConversationError     a saved conversation that cannot be read, an unknown command of `rag chat`
    ├── IndexProblem
    │   ├── IndexMissing      there is no index at that path
    │   ├── IndexMismatch     built with another embedder or other chunking, or of a newer format
    │   │   └── IndexOutdated of an earlier format
    │   ├── IndexDamaged      a checksum or an invariant does not hold
    │   └── IndexBusy         another process is writing (exit 75)
    ├── ModelError
    │   ├── ModelMissing      not in the catalogue, not on disk, not on the hub
    │   └── PullFailed        no network, a wrong hash, a full disk
    └── EvaluationError       a folder that is not an evaluation set

Any other exception is a defect of ours and keeps its traceback (exit 70).
A message says what happened with the values, why it matters, and the command that mends it.
"""

from __future__ import annotations

import os
import re
import shlex


def shell_quoted(argument: str) -> str:
    """`argument` as it has to be typed in a shell: for the command of a message."""
    if os.name == "nt":
        return f'"{argument}"' if re.search(r"[\s&()^;,=%!'`]", argument) else argument
    return shlex.quote(argument)


class RagError(Exception):
    """The user can fix this; the message says how."""

    exit_code = 1


class SettingsError(RagError):
    """A setting is unknown, malformed or out of range."""


class CorpusError(RagError):
    """Source files cannot be read as a whole, or a removal has to be confirmed."""


class FilterError(RagError):
    """A filter cannot be read, or names a field or an operator that there is not."""


class ConversationError(RagError):
    """A saved conversation cannot be read or written, or a command of `rag chat` cannot be followed."""


class IndexProblem(RagError):
    """The index cannot be used as it is."""


class IndexMissing(IndexProblem):
    """There is no index at the path."""


class IndexMismatch(IndexProblem):
    """The index was built with another embedder or other chunking than asked for."""


class IndexOutdated(IndexMismatch):
    """The index has an earlier format than this version reads."""


class IndexDamaged(IndexProblem):
    """Bytes on disk are not those that were committed."""


class IndexBusy(IndexProblem):
    """Another process holds the writer's lock."""

    exit_code = 75


class ModelError(RagError):
    """A model cannot be found, fetched or loaded, or the server that has it fails."""


class ModelMissing(ModelError):
    """No such model in the catalogue, on disk or on the hub."""


class PullFailed(ModelError):
    """A model could not be fetched; nothing half-made is left behind."""


class EvaluationError(RagError):
    """A folder is not an evaluation set, or not a complete one."""
