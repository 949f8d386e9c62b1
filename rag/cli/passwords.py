"""Passwords that are typed or piped in. None is taken from the command line: a shell keeps that, a list of processes
shows it.
"""

from __future__ import annotations

import getpass
import sys

from rag.errors import SettingsError
from rag.settings import MOST_PASSWORDS


def asked_passwords() -> list[str]:
    """What is typed on a terminal without being shown, up to an empty line; in a pipe its lines."""
    if sys.stdin.isatty():
        given = list(iter(lambda: getpass.getpass("password (empty: no more): ", stream=sys.stderr), ""))
    else:
        given = [line for line in sys.stdin.read().splitlines() if line]
    if not given:
        raise SettingsError(
            "--password was given no password. Type one, or: rag ingest --password PATH < passwords.txt"
        )
    if len(given) > MOST_PASSWORDS:
        raise SettingsError(f"--password was given {len(given)} passwords, at most {MOST_PASSWORDS} are tried")
    return given
