"""Tables whose rows are imported when they are first asked for: a name costs nothing until it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import TypeVar, cast

Row = TypeVar("Row")


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


def imported(package: str, place: str) -> Row:
    """What a module of a package has under a name.

    Args:
        package: the package.
        place: ``module:name``.
    """
    module, _colon, name = place.partition(":")
    return cast("Row", getattr(import_module(f"{package}.{module}"), name))
