"""Names that are told apart where several files call themselves the same."""

from __future__ import annotations

from collections.abc import Iterable


class UniqueNames:
    """Gives out each name once; none of those that are `taken`."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._given = set(taken)
        self._repeated: dict[str, int] = {}

    def given(self, name: str) -> str:
        """The name, or where it was given already, with " (2)" before its suffix."""
        found = name
        while found in self._given:
            number = self._repeated[name] = self._repeated.get(name, 1) + 1
            folder, slash, last = name.rpartition("/")
            stem, dot, suffix = last.rpartition(".")
            found = f"{folder}{slash}{stem} ({number}).{suffix}" if stem and dot else f"{name} ({number})"
        self._given.add(found)
        return found
