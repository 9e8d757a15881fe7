"""Every public report and everything that was found by trying has the result that is right; see `tests/field.py`."""

from __future__ import annotations

import pytest

from tests.field import EXPECTED, files, result


def test_the_table_has_every_file() -> None:
    assert sorted(EXPECTED) == files()


@pytest.mark.parametrize("name", EXPECTED)
def test_the_result_is_right(name: str) -> None:
    found = result(name)
    assert found.right, found.said
