"""Layers of convolution, pooling and up-sampling as scenario files have them: shapes, errors, sharing, names, runs."""

from __future__ import annotations

import json
import warnings
from random import Random
from typing import Any

import numpy as np
import pytest

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import refs
from retrograde.engine.errors import ScenarioError
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.session.session import Session
from tests.layers.test_conv import assert_frame_is_its_equations
from tests.support.networks import EXECUTORS, executed_by

SMALL: dict[str, Any] = {"kind": "conv", "channels": 2, "kernel": [2, 2]}


def text(
    layers: list[dict[str, Any]],
    shape: tuple[int, ...] = (1, 4, 4),
    *,
    samples: int = 3,
    outputs: int = 2,
    update: str = "simultaneous",
    arithmetic: str = "exact",
    batch: int = 2,
) -> str:
    """A scenario of these layers and a dense one after them."""
    random = np.random.Generator(np.random.Philox(7))
    lines = ["format = 1", '[title]\nen = "A random network"\nzh = "随机网络"', "[network]"]
    lines += [f"inputs = {int(np.prod(shape))}", f"input_shape = {list(shape)}", f'arithmetic = "{arithmetic}"']
    for layer in [*layers, {"name": "o", "units": outputs, "activation": "tanh"}]:
        lines += ["[[network.layers]]", *(f"{key} = {_value(value)}" for key, value in layer.items())]
    inputs, targets = random.normal(size=(samples, int(np.prod(shape)))), random.normal(size=(samples, outputs))
    lines += ["[data]", f"inputs = {inputs.tolist()}", f"targets = {targets.tolist()}"]
    lines += ['[loss]\nkind = "mean_squared_error"', "[training]", "learning_rate = 0.1"]
    lines += [f"batch_size = {batch}", f'update = "{update}"', "[stop]\nepochs = 3"]
    return "\n".join(lines)


def _value(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(part)}" for key, part in value.items()) + " }"
    return json.dumps(value)


def session(layers: list[dict[str, Any]], shape: tuple[int, ...] = (1, 4, 4), **options: Any) -> Session:
    return Session(parse_scenario(text(layers, shape, **options)))


DEEP: list[dict[str, Any]] = [
    {"name": "c1", **SMALL, "padding": "same", "activation": "relu"},
    {"name": "p", "kind": "max_pool", "kernel": [2, 2], "stride": 1, "padding": 1},
    {"name": "u", "kind": "upsample", "factor": [2, 1]},
    {"name": "c2", "kind": "conv", "channels": 4, "kernel": [3, 2], "stride": 2, "groups": 2, "bias": "none"},
    {"name": "a", "kind": "average_pool", "kernel": [2, 1], "stride": 1, "count_include_pad": False},
    {"name": "tr", "kind": "conv_transpose", "channels": 2, "kernel": [2, 2], "stride": 2, "output_padding": 1},
    {"name": "g", "kind": "global_average_pool"},
]
LINE: list[dict[str, Any]] = [
    {"name": "c1", "kind": "conv", "channels": 3, "kernel": [3], "dilation": 2, "padding": [[3, 1]]},
    {"name": "p", "kind": "average_pool", "kernel": [2]},
    {"name": "tr", "kind": "conv_transpose", "channels": 2, "kernel": [3], "activation": "tanh"},
]


@pytest.mark.parametrize(("layers", "shape"), [(DEEP, (1, 4, 4)), (LINE, (2, 9))])
@pytest.mark.parametrize("update", ["simultaneous", "in_place"])
def test_frames_are_their_equations_and_runs_are_their_frames(
    layers: list[dict[str, Any]], shape: tuple[int, ...], update: str
) -> None:
    ends = []
    for executor in EXECUTORS:
        arithmetic = "blas" if executor == "blas" else "exact"
        with executed_by("generated" if executor == "generated" else "kernels"):
            made = session(layers, shape, update=update, arithmetic=arithmetic)
            timeline = made.timeline
            frames = [timeline.frame(iteration) for iteration in range(4)]
            if executor != "blas":
                for frame in frames[:2]:
                    assert_frame_is_its_equations(frame)
            losses: list[float] = []
            end = timeline.advance(made.network.initial_state, 0, 4, losses)
            assert losses == [frame.array(frame.program.named["E"]).item() for frame in frames]
            np.testing.assert_array_equal(end, frames[-1].next_state)
            ends.append(end)
    for other in ends[1:]:
        np.testing.assert_allclose(other, ends[0], rtol=1e-9, atol=1e-12)


def test_shapes() -> None:
    forms = session(DEEP).scenario.forms
    assert {name: form.shape for name, form in forms.items() if name not in {"i", "o"}} == {
        "c1": (2, 4, 4),
        "p": (2, 5, 5),
        "u": (2, 10, 5),
        "c2": (4, 4, 2),
        "a": (4, 3, 2),
        "tr": (2, 7, 5),
        "g": (2,),
    }
    assert session(LINE, (2, 9)).scenario.forms["tr"].shape == (2, 6)


ERRORS: list[tuple[dict[str, Any], tuple[int, ...], str]] = [
    ({**SMALL, "kernel": [3]}, (1, 4, 4), "slides over channels with 1 axes"),
    (SMALL, (4, 4), "slides over channels with 2 axes"),
    ({**SMALL, "kernel": [5, 2]}, (1, 4, 4), "a window of 5 does not fit into 4 positions with 0 of padding"),
    ({**SMALL, "stride": [1]}, (1, 4, 4), "the kernel has 2 axes, this has 1"),
    ({**SMALL, "padding": [1, 1, 1]}, (1, 4, 4), "at most 2"),
    ({**SMALL, "padding": "same", "stride": 2}, (1, 4, 4), "same needs a stride of 1"),
    ({**SMALL, "padding": "full"}, (1, 4, 4), "same"),
    ({**SMALL, "groups": 2}, (1, 4, 4), "2 groups do not divide 1 channels"),
    ({**SMALL, "groups": 2, "channels": 3}, (2, 4, 4), "2 groups do not divide 3 channels"),
    ({**SMALL, "activation": "softmax"}, (1, 4, 4), "not that of the channels"),
    ({**SMALL, "weights": [[[[1.0]]]]}, (1, 4, 4), "2×1×2×2"),
    ({**SMALL, "biases": [1.0]}, (1, 4, 4), "1 values where the layer needs 2"),
    ({**SMALL, "frozen": ["U"]}, (1, 4, 4), "it has weights, bias"),
    ({"kind": "max_pool", "kernel": [2, 2], "padding": 3}, (1, 4, 4), "lies in the padding alone"),
    ({"kind": "upsample", "factor": [2, 2, 2]}, (1, 4, 4), "at most 2"),
    ({"kind": "upsample", "factor": [2]}, (1, 4, 4), "1 factors for 2 axes"),
    ({"kind": "global_average_pool"}, (16,), "needs channels with axes of their own"),
    (
        {"kind": "conv_transpose", "channels": 1, "kernel": [2, 2], "output_padding": 1},
        (1, 4, 4),
        "1 is not smaller than the stride 1",
    ),
    (
        {"kind": "conv_transpose", "channels": 1, "kernel": [1, 1], "padding": 2},
        (1, 4, 4),
        "a padding of 4 leaves nothing of 4 positions",
    ),
]


@pytest.mark.parametrize(("layer", "shape", "message"), ERRORS)
def test_errors_say_what_is_wrong_and_where(layer: dict[str, Any], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ScenarioError) as found:
        session([{"name": "c", **layer}], shape)
    assert message in str(found.value)
    assert "network.layers[1]" in str(found.value)


def test_shared_and_frozen_kernels() -> None:
    """A kernel that two layers use gets the gradient of both; a frozen one none."""
    first = {"name": "c1", "kind": "conv", "channels": 1, "kernel": [3, 3], "padding": 1, "frozen": ["b"]}
    made = session([first, {"name": "c2", "kind": "conv", "share": "c1", **_copy(first)}])
    for executor in ("generated", "kernels"):
        with executed_by(executor):
            made = session([first, {"name": "c2", "kind": "conv", "share": "c1", **_copy(first)}])
            frame = made.timeline.frame(0)
            assert_frame_is_its_equations(frame)
            assert "grad(W_c1)" in frame.program.named
            assert not {"grad(b_c1)", "grad(W_c2)"} & set(frame.program.named)


def _copy(layer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in layer.items() if key not in {"name", "kind", "frozen"}}


def test_given_and_drawn_parameters() -> None:
    weights = np.arange(8.0).reshape(2, 1, 2, 2)
    made = session([{"name": "c", **SMALL, "weights": weights.tolist(), "biases": 0.5}])
    found = {array.name: values for array, values in made.network.parameters.items()}
    np.testing.assert_array_equal(found["W_c"], weights)
    assert found["b_c"].tolist() == [0.5, 0.5]
    drawn = session([{"name": "c", "kind": "conv", "channels": 64, "kernel": [3, 3], "init": {"kind": "he_normal"}}])
    spread = next(values for array, values in drawn.network.parameters.items() if array.name == "W_c").std()
    assert spread == pytest.approx((2 / 9) ** 0.5, rel=0.1)


def test_names_and_equations() -> None:
    made = session(DEEP)
    program = made.schedule.full
    names: dict[str, Any] = {}
    for number in range(1, program.steps + 1):
        step = made.step_at(number)
        names.setdefault(step.name, step)
        assert made.notation.resolve(step.name, program, sample=step.place.sample or 0).array is step.target.array
    assert "W_c1[1,1,2,2] · i[1,2,2]" in names["net_c1[1,1,1]"].text()[0]
    assert names["winner_p[1,1,1]"].text()[0] == "argmax(4: out_c1[1,1,1])"
    assert names["grad(W_c1[1,1,1,1])"].text()[0].startswith("δ_c1[1,1,1] · i[1,1,1] + ")
    assert all(step.why for step in names.values())


def test_training_a_small_convolution_lowers_the_loss() -> None:
    made = session(
        [{"name": "c", **SMALL, "activation": "relu"}, {"name": "p", "kind": "max_pool", "kernel": [2, 2]}], batch=0
    )
    losses: list[float] = []
    made.timeline.advance(made.network.initial_state, 0, 100, losses)
    assert losses[-1] < 0.5 * losses[0]


def test_gradients_against_central_differences() -> None:
    made = session(DEEP, batch=0)
    timeline, state = made.timeline, np.array(made.network.initial_state)
    frame = timeline.frame(0)
    random, step = Random(1), 1e-6
    parameters = [array for array in frame.program.state if array.role in {Role.WEIGHT, Role.BIAS}]
    for array in parameters:
        gradient = frame.array(frame.program.named[f"grad({array.name})"]).ravel()
        place = random.randrange(array.size)
        sides = []
        for sign in (1.0, -1.0):
            moved = state.copy()
            moved[frame.program.offsets[array] + place] += sign * step
            losses: list[float] = []
            timeline.advance(moved, 0, 1, losses)
            sides.append(losses[0])
        assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(gradient[place], rel=1e-5, abs=1e-8)


def test_every_kind_reads_only_what_it_says() -> None:
    """An equation reads nothing but the inputs of its op: provenance and readers rest on it."""
    program = session(DEEP).schedule.full
    for op in program.ops:
        for element in list(np.ndindex(*op.target.element_shape))[:20]:
            index = (0, *element) if op.target.batched or op.extent.value == "sum" else element
            assert {ref.array for ref in refs(op.equation(tuple(map(int, index))))} <= set(op.inputs)


def test_no_warning_is_raised_by_numbers_that_overflow() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = session([{"name": "c", **SMALL, "weights": np.full((2, 1, 2, 2), 1e308).tolist()}])
        for executor in ("generated", "kernels"):
            with executed_by(executor):
                made = session([{"name": "c", **SMALL, "weights": np.full((2, 1, 2, 2), 1e308).tolist()}])
                assert_frame_is_its_equations(made.timeline.frame(0))
