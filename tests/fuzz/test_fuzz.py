"""The small form of `python -m tests.fuzz`: a few of each kind, the same at each run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import searching
from tests.fuzz.judging import Fault, Harm, Verdict, judged
from tests.fuzz.searching import ALWAYS_TOLD, search
from tests.fuzz.shrinking import smaller
from tests.fuzz.table import KINDS
from tests.fuzz.target import Beat
from tests.fuzz.working import Worker

COUNTS = {"scenarios": 120, "data": 40, "formulas": 60, "app": 20, "sessions": 25, "elsewhere": 20}


@pytest.mark.parametrize("kind", KINDS)
def test_no_input_does_harm(kind: str, tmp_path: Path) -> None:
    told: list[str] = []
    found = search(kind, COUNTS[kind], 0, tmp_path / "found", told.append)
    assert not [harm for harm in found if harm in ALWAYS_TOLD], "\n".join(told)
    assert told[-1].startswith(f"{COUNTS[kind]:,} {KINDS[kind].noun}: 0 tracebacks, 0 hangs over 2 s, 0 over 500 MB")
    assert "(0 of" not in told[-1], "nothing is taken: the changes are too coarse"


class Made:
    """An input of which the letters do harm."""

    def __init__(self, home: Path) -> None:
        del home

    def made(self, seed: int) -> bytes:
        return b"first\nsecond\n" + (b"and an R here" if seed == 2 else b"nothing") + b"\nlast\n"

    def run(self, content: bytes, beat: Beat) -> bool:
        import numpy as np

        beat()
        if b"R" in content:
            raise KeyError("R")
        if b"M" in content:
            np.ones(1 << 29)
        if b"H" in content:
            while True:
                pass
        if b"X" in content:
            import os

            os._exit(3)
        if b"W" in content:
            np.float64(1e308) * np.float64(10.0)
        if b"C" in content:
            print("\x1b[31m")
        if b"S" in content and not Path("slow").exists():
            Path("slow").touch()
            while True:
                pass
        return True

    @staticmethod
    def file(content: bytes) -> tuple[str, bytes]:
        return ".txt", content


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fuzz import table, working

    monkeypatch.setitem(KINDS, "made up", table.Kind("letters"))
    for module in (searching, working):
        monkeypatch.setattr(module, "target_of", lambda _kind: Made)


@pytest.mark.usefixtures("made_up")
def test_each_harm_is_seen_and_the_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fuzz import working

    monkeypatch.setattr(working, "SECONDS", 0.2)
    worker = Worker("made up", tmp_path)
    harms = {"R": Harm.TRACEBACK, "M": Harm.MEMORY, "H": Harm.HANG, "X": Harm.END, "W": Harm.WARNING, "C": Harm.CONTROL}
    try:
        for letter, harm in harms.items():
            verdict, content = worker.judge(letter.encode())
            assert verdict.fault is not None, letter
            assert verdict.fault.harm is harm
            assert content == letter.encode()
            assert worker.judge(b"nothing")[0] == Verdict(True, None)
    finally:
        worker.close()


@pytest.mark.usefixtures("made_up")
def test_what_is_slow_once_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fuzz import working

    monkeypatch.setattr(working, "SECONDS", 0.2)
    worker = Worker("made up", tmp_path)
    try:
        assert worker.judge(b"S")[0] == Verdict(True, None)
        assert (tmp_path / "slow").exists()
    finally:
        worker.close()


@pytest.mark.usefixtures("made_up")
def test_what_is_found_is_made_small_and_kept(tmp_path: Path) -> None:
    told: list[str] = []
    found = search("made up", 5, 0, tmp_path, told.append)
    assert found == {Harm.TRACEBACK: 1}
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"R"]
    assert told[-1] == "5 letters: 1 tracebacks, 0 hangs over 2 s, 0 over 500 MB (4 of 5 cases were taken)"


def test_a_fault_is_told_from_another_by_its_place(tmp_path: Path) -> None:
    fault = judged(Made(tmp_path), b"R", lambda: None).fault
    assert isinstance(fault, Fault)
    assert fault.place.startswith("KeyError")


def test_only_what_matters_is_left() -> None:
    assert smaller(b"one\ntwo x\nthree\nfour y\n", lambda tried: b"x" in tried and b"y" in tried) == b"xy"
