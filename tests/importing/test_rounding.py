"""The running bound of an iteration holds for another computation of it, in float32 and from the same leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations import meshes
from retrograde.engine.equations.array import Array, Extent
from retrograde.engine.importing.rounding import running_bounds
from retrograde.engine.network.frame import Frame
from retrograde.engine.ops.base import Op
from retrograde.engine.recording.checking import FACTOR
from retrograde.engine.recording.form import DTYPES

NAMES = ("mazur", "group-norm-by-hand", "attention-by-hand", "convolution-by-hand", "gru")


def _made(op: Op, batch: int, values: dict[Array, Any], dtype: type[np.floating[Any]]) -> Any:
    """What an op makes in a type; samples are added from the last to the first."""
    many = op.extent is Extent.SUM
    shape = (batch, *op.target.shape) if many else op.target.shape
    found = np.empty(shape, dtype)
    for index in np.ndindex(*shape):
        found[index] = np.reshape(meshes.values(op.equation(index), values.__getitem__), ())
    return np.add.reduce(found[::-1], axis=0, dtype=dtype) if many else found


@pytest.mark.parametrize("name", NAMES)
def test_no_value_of_float32_is_further_off(name: str) -> None:
    frame = Session(load_scenario(name)).timeline.frame(0)
    program = frame.program
    first = {array: frame.array(array).astype(np.float32) for array in program.arrays}
    wide: dict[Array, Any] = {array: values.astype(np.float64) for array, values in first.items()}
    narrow: dict[Array, Any] = dict(first)
    with np.errstate(all="ignore"):
        for op in program.ops:
            wide[op.target] = _made(op, program.batch, wide, np.float64)
            narrow[op.target] = _made(op, program.batch, narrow, np.float32)
    flat = np.empty(frame.flat.size)
    for array, start in program.offsets.items():
        flat[start : start + array.size] = wide[array].reshape(-1)
    exact = Frame(program, flat, frame.mathematics)
    with np.errstate(invalid="ignore"):
        # −∞ of a mask less −∞.
        apart = {op.target: np.nan_to_num(np.abs(wide[op.target] - narrow[op.target])) for op in program.ops}
    for seen in ({}, apart):
        bounds = running_bounds(exact, DTYPES["float32"], seen)
        assert bounds is not None
        for op in program.ops:
            assert (apart[op.target] <= FACTOR * bounds[op.target]).all(), op.target.name
    assert any(one.any() for one in apart.values())


def test_it_is_not_made_of_very_many_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = Session(load_scenario("convolution-by-hand")).timeline.frame(0)
    monkeypatch.setattr("retrograde.engine.importing.rounding.MOST", 8)
    assert running_bounds(frame, DTYPES["float64"], {}) is None
