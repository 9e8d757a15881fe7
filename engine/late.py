"""What is imported when it is first asked for: modules, and the rows of tables; a name costs nothing until it is used.

The start of the program is the time of its imports, and of these few are needed for what is shown first. A module that
is late is bound at the top of the file that uses it, as any other, and its types are those of the import beside it::

    if TYPE_CHECKING:
        from retrograde.engine.explaining import samples
    else:
        samples = late("retrograde.engine.explaining.samples")

So that nobody waits for them later, ``load`` imports all of them in idle moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar, cast

Row = TypeVar("Row")

_WAITING: list[str] = []
"""The modules that were named and that ``load`` has not imported yet, in the order in which they were named."""


class LateModule:
    """A module that is imported when something of it is asked for: every public name is one of the module.

    Args:
        name: its full name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: ModuleType | None = None

    def __getattr__(self, attribute: str) -> Any:
        if self._module is None:
            self._module = import_module(self._name)
        return getattr(self._module, attribute)


def late(name: str) -> Any:
    """A module that is imported when something of it is asked for.

    Args:
        name: its full name.
    """
    _WAITING.append(name)
    return LateModule(name)


def waiting() -> bool:
    """Whether ``load`` has something to do."""
    return bool(_WAITING)


def load() -> Iterator[str]:
    """Imports what is late, a module at a step, also what is named late by these; yields the name of each."""
    while True:
        try:
            name = _WAITING.pop(0)
        except IndexError:
            # Not asked before: another thread may take the last one.
            return
        import_module(name)
        yield name


class LateTable(MutableMapping[str, Row]):
    """Rows by name, in the order of the table; which names there are is known without any of them.

    Args:
        package: the package of the modules.
        places: where each row is, as ``module:name``.
    """

    def __init__(self, package: str, places: Mapping[str, str]) -> None:
        self._package = package
        self._rows: dict[str, Row | str] = dict(places)

    def __getitem__(self, name: str) -> Row:
        row = self._rows[name]
        if isinstance(row, str):
            row = self._rows[name] = imported(self._package, row)
        return cast("Row", row)

    def __setitem__(self, name: str, row: Row) -> None:
        self._rows[name] = row

    def __delitem__(self, name: str) -> None:
        del self._rows[name]

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def imported(package: str, place: str) -> Any:
    """What a module of a package has under a name.

    Args:
        package: the package.
        place: ``module:name``.
    """
    module, _colon, name = place.partition(":")
    return getattr(import_module(f"{package}.{module}"), name)
