"""What holds for every test: fixed seeds, and nothing outside its temporary folder is read or written.

Property tests draw the same examples at each run, so that a red test is one's own doing. To look for what nobody has
thought of, draw fresh ones: ``pytest --hypothesis-profile=fresh``, as often as there is time.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

_COUNT = count()

settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.register_profile("fresh", derandomize=False, print_blob=True, deadline=None)
settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where unsaved work is kept, which the app would otherwise share with the person who runs the tests."""
    folder = tmp_path_factory.getbasetemp() / f"state-{next(_COUNT)}"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    monkeypatch.setenv("RETROGRADE_TOUR", "no")
    return folder / "retrograde"
