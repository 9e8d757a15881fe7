"""Values that are not in the file: made again of their operands with the same bits, or refused with one clear error."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.errors import EngineError
from retrograde.engine.recording.again import (
    FUSED,
    PLAIN,
    UNFIT,
    Operands,
    made_again,
    nudged,
    nudges_of,
    sampled_crc,
)
from retrograde.engine.recording.form import STEP, VALUES
from retrograde.engine.recording.recording import load_recording
from retrograde.engine.recording.writing import RecordingWriter
from retrograde.tui.cli.main import main
from tests.support.effort import examples
from tests.support.recordings import Writing, root_of_zero

F32 = np.dtype(np.float32)


def drawn(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@given(st.integers(0, 10**6), st.sampled_from([(3,), (40_000,), (7, 5)]))
@examples(30)
def test_a_fused_product_and_sum_rounds_once(seed: int, shape: tuple[int, ...]) -> None:
    x, y, z = (drawn(seed + k, *shape) for k in range(3))
    operands = {"self": x, "tensor1": y, "tensor2": z, "value": 1.0}
    fused = made_again("addcmul", FUSED, Operands(operands, F32, shape))
    assert np.array_equal(fused, (x.astype(np.longdouble) + y.astype(np.longdouble) * z).astype(np.float32))
    plain = made_again("add", PLAIN, Operands({"self": x, "other": y, "alpha": 0.3}, F32, shape))
    assert np.array_equal(plain, x + np.float32(0.3) * y)


@given(st.integers(0, 10**6), st.integers(1, 70))
@examples(50)
def test_a_unit_in_the_last_place_up_or_down_is_told(seed: int, size: int) -> None:
    wanted = drawn(seed, size)
    steps = np.random.default_rng(seed).integers(-1, 2, size)
    made = (wanted.view(np.int32) + steps.astype(np.int32)).view(np.float32)
    nudges = nudges_of(made, wanted)
    assert nudges is not None
    assert np.array_equal(nudged(wanted, np.frombuffer(nudges, np.uint8)), made)
    assert nudges_of((wanted.view(np.int32) + np.int32(2)).view(np.float32), wanted) is None


def test_operands_of_another_type_are_refused() -> None:
    for base in ("add", "mul", "sqrt", "relu", "clone", "cat", "native_layer_norm"):
        with pytest.raises(UNFIT):
            made_again(base, PLAIN, Operands({"self": drawn(0, 3).astype(np.float64)}, F32, (3,)))


@given(st.lists(st.binary(max_size=9000), max_size=6), st.sampled_from((0, 1000, 2**20)))
@examples(40)
def test_the_checksum_of_a_file_that_is_written_as_it_goes(
    tmp_path_factory: Any, pieces: list[bytes], waiting: int
) -> None:
    """However much of what is small waits to be written together."""
    path = tmp_path_factory.mktemp("zip") / "a.rgrec"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retrograde.engine.recording.writing._WAITING", waiting)
        writer = RecordingWriter(path)
        places = [writer.add(one) for one in pieces]
    assert [writer.read(place) for place in places] == pieces
    assert [place.crc for place in places] == [zlib.crc32(one) for one in pieces]
    writer.finish(load_recording(root_of_zero(path)).records)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        content = archive.read(VALUES)
    assert [content[place.offset : place.offset + place.length] for place in places] == pieces
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def chain(path: Path, *, depth: int = 1) -> Path:
    """A parameter that moves against its gradient; its new values are not in the file."""
    writing = Writing()
    w = writing.value("w", drawn(1, 5000), kind="parameter", dtype="float32")
    g = writing.value("grad(w)", drawn(2, 5000), kind="made", dtype="float32")
    held, last = drawn(1, 5000), w
    for number in range(depth):
        held = made_again("add", FUSED, Operands({"self": held, "other": drawn(2, 5000), "alpha": -0.1}, F32, (5000,)))
        new = writing.value(f"new(w){number}", held, kind="made", dtype="float32")
        writing.values[-1] = writing.values[-1].model_copy(
            update={"again": "fused", "offset": None, "crc": sampled_crc(held)}
        )
        writing.numbers[-1] = b""
        writing.call("aten.add_.Tensor", {"self": last, "other": g, "alpha": -0.1}, [new], phase="update")
        last = new
    rewritten(writing.write(path), lambda step: [one.pop("offset", None) for one in step["values"] if "again" in one])
    return path


def rewritten(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    with zipfile.ZipFile(path) as archive:
        values, step = archive.read(VALUES), json.loads(archive.read(STEP))
    change(step)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(VALUES, values)
        archive.writestr(STEP, json.dumps(step))
    return path


def test_a_value_is_made_again_when_it_is_asked_for(tmp_path: Path) -> None:
    recording = load_recording(chain(tmp_path / "chain.rgrec", depth=3))
    assert (tmp_path / "chain.rgrec").stat().st_size < 2 * 20_000 + 3_000
    new = recording.frame.array(recording.array("new(w)2"))
    assert new.shape == (5000,)
    assert recording.recorded.has_values(recording.array("new(w)1"))
    assert [(check.checked, check.disagreeing) for check in recording.check()] == [(5000, 0)] * 3


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "of itself": lambda step: step["calls"][0]["arguments"]["self"].update(value=2),
    "of what comes later": lambda step: step["calls"][0]["arguments"]["self"].update(value=4),
    "by an op that is not repeated": lambda step: step["calls"][0].update(op="aten.mm.default"),
    "another way": lambda step: step["values"][2].update(again="lanes8"),
    "unknown way": lambda step: step["values"][2].update(again="eval"),
    "of nothing": lambda step: step["values"][0].update(offset=None),
    "not by position": lambda step: step["calls"][0]["results"][0].update(position=1),
    "with an old rest": lambda step: step["calls"][0]["results"][0].update(old=0),
    "a part": lambda step: step["calls"][0]["results"][0]["to"].update(shape=[4999]),
    "too large": lambda step: (
        step["values"][2].update(shape=[2**40], strides=[1]),
        step["calls"][0]["results"][0]["to"].update(shape=[2**40]),
    ),
    "with nudges past the end": lambda step: step["values"][2].update(offset=2**20),
}


@pytest.mark.parametrize("what", CHANGES)
def test_hostile_values_that_are_made_again_are_refused(tmp_path: Path, what: str) -> None:
    path = rewritten(chain(tmp_path / "hostile.rgrec", depth=3), CHANGES[what])
    with pytest.raises(EngineError, match=r"hostile\.rgrec") as error:
        load_recording(path)
    assert "\n" not in str(error.value)


def test_a_value_that_comes_out_otherwise_is_refused_when_it_is_read(tmp_path: Path) -> None:
    changes: list[Callable[[dict[str, Any]], Any]] = [
        lambda step: step["values"][2].update(crc=1),
        lambda step: step["calls"][0]["arguments"].update(alpha=-0.2),
        lambda step: step["calls"][0]["arguments"].update(other=[1, 2]),
        lambda step: step["calls"][0]["arguments"]["other"].update(shape=[7], strides=[1]),
    ]
    for change in changes:
        recording = load_recording(rewritten(chain(tmp_path / "wrong.rgrec"), change))
        with pytest.raises(EngineError, match=r"wrong\.rgrec.*new\(w\)0 have changed"):
            recording.frame.array(recording.array("new(w)0"))


def test_a_long_chain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="too large"):
        load_recording(chain(tmp_path / "long.rgrec", depth=40))


def _entries(path: Path, *entries: tuple[str, bytes], kind: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in entries:
            archive.writestr(name, content)


def hostile_files(folder: Path) -> dict[str, Path]:
    """Files that are no recordings, of every kind."""
    root = root_of_zero(folder / "whole.rgrec")
    with zipfile.ZipFile(root) as archive:
        values, step = archive.read(VALUES), archive.read(STEP)
    files = {
        name: folder / f"{name}.rgrec" for name in ("deep", "bomb", "names", "huge", "text", "empty", "short", "twice")
    }
    _entries(files["deep"], (VALUES, values), (STEP, b"[" * 10**6 + b"]" * 10**6))
    _entries(files["bomb"], (VALUES, bytes(200 * 2**20)), (STEP, step), kind=zipfile.ZIP_DEFLATED)
    _entries(files["names"], ("../../" + VALUES, values), ("/etc/" + STEP, step))
    many = b'{"format": "retrograde recording", "version": 1, "torch": "", "values": [' + b"1," * 10**6 + b"1]}"
    _entries(files["huge"], (VALUES, values), (STEP, many))
    files["text"].write_text("not a recording")
    files["empty"].write_bytes(b"")
    files["short"].write_bytes(root.read_bytes()[:-100])
    overlapping = json.loads(step)
    overlapping["values"][1].update(offset=8)
    _entries(files["twice"], (VALUES, values), (STEP, json.dumps(overlapping).encode()))
    return files


def test_a_hostile_file_gives_one_line_and_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, path in hostile_files(tmp_path).items():
        assert main(["check", str(path)]) == 2, name
        err = capsys.readouterr().err
        assert err.count("\n") == 1, (name, err)
        assert f"{name}.rgrec" in err


MEASURE = """
import resource, sys
from retrograde.engine.recording import recording
from retrograde.engine.errors import EngineError
def held():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = held()
for path in sys.argv[1:]:
    try:
        recording.load_recording(path)
    except EngineError:
        pass
    else:
        raise SystemExit(path)
print(held() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is the system's own")
def test_a_hostile_file_takes_little_memory(tmp_path: Path) -> None:
    files = [str(path) for path in hostile_files(tmp_path).values()]
    done = subprocess.run([sys.executable, "-c", MEASURE, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) < 50e6
