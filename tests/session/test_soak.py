"""The long walk of ``python -m tests.support.soak``, a short one."""

from __future__ import annotations

import pytest

from tests.support.soak import soak


@pytest.mark.parametrize("scenario", ["mazur", "xor-2-2-1"])
def test_a_short_walk(scenario: str) -> None:
    turns = list(soak(3_000, scenario))
    assert [done for done, _seconds, _size in turns][-1] == 3_000
