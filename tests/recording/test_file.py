"""The file of a recording: what is written is read again, and what is damaged or hostile gives one clear error."""

from __future__ import annotations

import json
import re
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.errors import EngineError
from retrograde.engine.recording.form import ALIGNMENT, DTYPES, STEP, VALUES
from retrograde.engine.recording.recording import load_recording
from tests.support.effort import examples
from tests.support.recordings import Writing, root_of_zero


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return root_of_zero(tmp_path_factory.mktemp("recording") / "step.rgrec")


def test_every_type_is_read_as_it_was_written(tmp_path: Path) -> None:
    writing = Writing()
    numbers = [[0, 1, 1], [1, 0, 1]]
    for dtype in DTYPES:
        writing.value(dtype, numbers, dtype=dtype)
    recording = load_recording(writing.write(tmp_path / "a.rgrec"))
    for number, dtype in enumerate(DTYPES):
        scale = 2.0**-133 if dtype == "bfloat16" else 1.0
        assert np.array_equal(recording.file.floats(number), np.array(numbers) * scale), dtype
        assert recording.records.values[number].offset is not None
        assert (recording.records.values[number].offset or 0) % ALIGNMENT == 0


def test_the_numbers_lie_aligned_in_the_file(whole: Path) -> None:
    recording = load_recording(whole)
    assert recording.file.raw(0).ctypes.data % ALIGNMENT == 0
    with zipfile.ZipFile(whole) as archive:
        assert archive.namelist() == [VALUES, STEP]
        assert archive.testzip() is None


def everything(path: Path) -> list[Any]:
    recording = load_recording(path)
    found: list[Any] = [recording.records]
    found += [recording.file.raw(number).tobytes() for number in range(len(recording.records.values))]
    return found


@given(st.data())
@examples(150)
def test_a_flipped_byte_gives_one_clear_error(whole: Path, data: st.DataObject) -> None:
    content = bytearray(whole.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    damaged = whole.with_name("damaged.rgrec")
    damaged.write_bytes(content)
    try:
        found = everything(damaged)
    except EngineError as error:
        assert "\n" not in str(error)
        assert "damaged.rgrec" in str(error)
    else:
        # Dates and the like in the ZIP's own records: what is in the recording is the same.
        assert found == everything(whole)


@given(st.data())
@examples(40)
def test_a_file_that_ends_early_is_refused(whole: Path, data: st.DataObject) -> None:
    content = whole.read_bytes()
    short = whole.with_name("short.rgrec")
    short.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(EngineError, match=r"short\.rgrec"):
        everything(short)


HOSTILE = re.findall(
    r"\w+",
    "size product negative type offset gap axes window number repeat twice name unknown version source forward old "
    "phase",
)


def hostile(step: dict[str, Any], what: str) -> None:
    value, call = step["values"][0], step["calls"][1]
    changes = {
        "size": lambda: value.update(shape=[2**40, 2**8], strides=[2**8, 1]),
        "product": lambda: value.update(shape=[2**48] * 20, strides=[1] * 20),
        "negative": lambda: value.update(shape=[-5]),
        "type": lambda: value.update(dtype="complex128"),
        "offset": lambda: value.update(offset=2**40),
        "gap": lambda: value.update(strides=[3]),
        "axes": lambda: value.update(strides=[1, 1]),
        "window": lambda: call["arguments"]["self"].update(offset=4),
        "number": lambda: call["arguments"]["self"].update(value=99),
        "repeat": lambda: call["arguments"]["self"].update(strides=[2**40]),
        "twice": lambda: call["results"].append(call["results"][0]),
        "name": lambda: value.update(name="loss.sqrt"),
        "unknown": lambda: value.update(pickle="yes"),
        "version": lambda: step.update(version=2),
        "source": lambda: call.update(source=12),
        "forward": lambda: call.update(forward=12),
        "old": lambda: call["results"][0].update(old=77),
        "phase": lambda: call.update(phase="sideways"),
    }
    changes[what]()


@pytest.mark.parametrize(
    "what",
    HOSTILE,
)
def test_hostile_records_are_refused_before_anything_is_allocated(whole: Path, tmp_path: Path, what: str) -> None:
    path = tmp_path / "hostile.rgrec"
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        step = json.loads(old.read(STEP))
        hostile(step, what)
        new.writestr(VALUES, old.read(VALUES))
        new.writestr(STEP, json.dumps(step))
    tracemalloc.start()
    try:
        with pytest.raises(EngineError, match=r"hostile\.rgrec"):
            load_recording(path)
        assert tracemalloc.get_traced_memory()[1] < 8e6
    finally:
        tracemalloc.stop()


def test_a_compressed_entry_and_a_foreign_one_are_refused(whole: Path, tmp_path: Path) -> None:
    for kind, names in ((zipfile.ZIP_DEFLATED, [VALUES, STEP]), (zipfile.ZIP_STORED, [VALUES, STEP, "../evil.py"])):
        path = tmp_path / "bomb.rgrec"
        with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w", kind) as new:
            for name in names:
                new.writestr(name, old.read(name) if name in old.namelist() else b"x")
        with pytest.raises(EngineError, match=r"bomb\.rgrec"):
            load_recording(path)
    with pytest.raises(EngineError, match="no file"):
        load_recording(tmp_path / "nowhere.rgrec")
