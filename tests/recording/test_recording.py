"""A recording without PyTorch: its steps, its names, the verdict, and the story of the first NaN or ±∞."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.nonfinite import Breakdown
from retrograde.engine.recording.aten.table import TABLE
from retrograde.engine.recording.form import DTYPES, Window
from retrograde.engine.recording.recording import Recording, load_recording
from retrograde.engine.recording.window import Tensor
from retrograde.tui.cli.main import main
from tests.support.effort import examples
from tests.support.recordings import Writing, root_of_zero


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return root_of_zero(tmp_path_factory.mktemp("recording") / "step.rgrec")


@pytest.fixture(scope="module")
def recording(path: Path) -> Recording:
    return load_recording(path)


@given(st.data())
@examples(100)
def test_a_view_is_read_as_numpy_reads_it(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    order = data.draw(st.permutations(range(len(shape))))
    memory = np.arange(math.prod(shape)).reshape([shape[axis] for axis in order])
    base = memory.transpose(np.argsort(order))
    view = base[tuple(slice(data.draw(st.integers(0, n - 1)), None, data.draw(st.integers(1, 3))) for n in shape)]
    view = view.transpose(data.draw(st.permutations(range(len(shape)))))
    if data.draw(st.booleans()):
        view = np.broadcast_to(view, (2, *view.shape))
    size = memory.itemsize
    offset = int(view.reshape(-1)[0])
    strides = tuple(stride // size for stride in view.strides)
    array = Array(name="x", shape=base.shape, role=Role.VALUE)
    window = Window(value=0, offset=offset, shape=view.shape, strides=strides)
    tensor = Tensor(array, tuple(stride // size for stride in base.strides), window, "float64")
    for index in np.ndindex(*view.shape):
        slot = tensor.at(*index)
        assert base[slot.index] == view[index]
        back = tensor.inverse(slot.index)
        assert back is not None
        assert view[back] == view[index]
    mesh = np.unravel_index(np.arange(view.size), view.shape)
    assert np.array_equal(base[tensor.at(*mesh).index], view.reshape(-1))
    inside = set(view.reshape(-1).tolist())
    for index in np.ndindex(*base.shape):
        assert (tensor.inverse(index) is not None) == (int(base[index]) in inside)


def test_every_step_has_its_number(recording: Recording) -> None:
    numbers = [step.number for step in recording.steps()]
    assert numbers == [*range(1, 16)]
    assert [recording.program.number(recording.step(n).place) + 1 for n in numbers] == numbers
    with pytest.raises(EngineError, match="16 is not in 1 to 15"):
        recording.step(16)


def test_names_are_found_and_misspelt_ones_are_told(recording: Recording) -> None:
    assert recording.notation.name(recording.find("SqrtBackward0.div[4]")) == "SqrtBackward0.div[4]"
    with pytest.raises(EngineError, match="did you mean"):
        recording.find("SqrtBackward0.dib[4]")
    for wrong in ("loss.sqrt[6]", "loss.sqrt[0]", "loss.sqrt[1,1]"):
        with pytest.raises(EngineError, match="has the shape 5"):
            recording.find(wrong)


def test_the_first_value_that_is_not_finite_has_a_story(recording: Recording) -> None:
    found = recording.first_break()
    assert found is not None
    assert found.origin is not None
    assert (found.op, found.element, found.value, found.broken) == (1, 3, math.inf, 1)
    assert found.origin.breakdown is Breakdown.BY_ZERO
    assert found.reached == ("grad(w)",)


def test_provenance_and_uses(recording: Recording) -> None:
    step = recording.made_by(recording.find("SqrtBackward0.div[4]"))
    assert step is not None
    assert [(operand.name, operand.made_by) for operand in step.operands] == [
        ("MeanBackward0.div[4]", None),
        ("SqrtBackward0.mul[4]", 4),
    ]
    assert [recording.step_at(place).name for place in recording.uses(recording.find("SqrtBackward0.mul[4]"))] == [
        "SqrtBackward0.div[4]"
    ]
    source = recording.source(1)
    assert source is not None
    assert (source.line, source.text) == (7, "loss = d.sqrt().mean()")


def test_the_command_line_tells_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", str(path)]) == 1
    assert capsys.readouterr().out.startswith("SqrtBackward0, element 4 of 5: 0.0625 / 0 = inf")
    assert main(["why", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["breakdown"] == "x / 0"
    assert main(["check", str(path), "--all"]) == 0
    assert "15 values agree" in capsys.readouterr().out
    assert main(["query", str(path), "SqrtBackward0.div[4]"]) == 0
    assert "SqrtBackward0.mul[4] = 0  step 4" in capsys.readouterr().out
    assert main(["trace", str(path), "--from", "@9", "--to", "9"]) == 0
    assert "train.py:7  loss = d.sqrt().mean()" in capsys.readouterr().out
    assert main(["trace", str(path), "--format", "jsonl"]) == 0
    assert [json.loads(line)["number"] for line in capsys.readouterr().out.splitlines()] == [*range(1, 16)]
    assert main(["trace", str(path), "--granularity", "phase"]) == 0
    assert capsys.readouterr().out.startswith("15  backward")


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["gradcheck"], ["race"], ["biography", "w"], ["trace", "--granularity", "sample"], ["why", "w1"]],
)
def test_what_a_recording_can_not_do_is_refused(
    path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    first, *more = arguments or [str(path)]
    assert main([first, *([str(path)] if arguments else []), *more]) == 2
    assert "recording" in capsys.readouterr().err


def test_an_op_without_an_equation_is_a_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writing = Writing()
    x = writing.value("x", [1.0, 2.0])
    writing.call("mine.twirl.default", {"self": x}, [writing.value("y", [3.0, 4.0], kind="made")])
    path = writing.write(tmp_path / "mine.rgrec")
    recording = load_recording(path)
    assert recording.step(1).result == 3.0
    with pytest.raises(EngineError, match=r"no equation for mine\.twirl\.default"):
        _ = recording.step(1).equation
    assert main(["check", str(path)]) == 0
    assert "no equation: mine.twirl.default" in capsys.readouterr().out
    assert main(["trace", str(path)]) == 0
    assert "no equation for mine.twirl.default" in capsys.readouterr().out


def test_a_flipped_bit_is_found_by_the_bound(tmp_path: Path) -> None:
    """Bits from the 16th on change a value by more than rounding can."""
    generator = np.random.default_rng(1)
    left, right = generator.normal(size=(2, 4, 4)).astype(np.float32)
    exact = (left.astype(np.float64) @ right.astype(np.float64)).astype(np.float32)
    for bit in range(16, 31):
        wrong = exact.copy()
        wrong.view(np.uint32)[2, 1] ^= np.uint32(1 << bit)
        writing = Writing()
        a, b = (writing.value(name, one, dtype="float32") for name, one in (("a", left), ("b", right)))
        writing.call(
            "aten.mm.default", {"self": a, "mat2": b}, [writing.value("c", wrong, kind="made", dtype="float32")]
        )
        (check,) = load_recording(writing.write(tmp_path / f"{bit}.rgrec")).check()
        assert (check.checked, check.disagreeing) == (16, 1), bit
        assert check.worst is not None
        assert check.worst.element == 9


def test_the_table_has_what_a_step_is_mostly_made_of() -> None:
    assert len(TABLE) >= 130
    assert len(DTYPES) == 10
