"""Weights in files: every bit goes out and comes back, names and shapes are PyTorch's, and nothing is guessed."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import EngineError, ScenarioError
from retrograde.engine.importing.weights import import_weights
from retrograde.engine.scenario.weights.files import open_tensors, write_tensors
from retrograde.engine.session.weights import export_weights, weight_tensors
from tests.support.effort import examples

HEAD = """format = 1
title = {{ en = "x" }}
[network]
{network}
{layers}
[data]
inputs = {inputs}
targets = {targets}
[loss]
kind = "mean_squared_error"
[training]
learning_rate = 0.1
{training}
[stop]
epochs = 2
"""

LAYERS: dict[str, tuple[str, str]] = {
    "dense": ("inputs = 4", 'name = "a"\nunits = 3'),
    "shared": ("inputs = 4", 'name = "a"\nunits = 3\nbias = "shared"'),
    "edges": ("inputs = 4", 'name = "a"\nunits = 2\nedges = [[1, 0, 1, 0], [0, 1, 1, 0]]'),
    "turned": ("inputs = 4", 'name = "a"\nunits = 4\nlayout = "inputs_first"'),
    "linear": ("inputs = 4\ninput_shape = [2, 2]", 'name = "a"\nkind = "linear"\nunits = 3'),
    "conv": (
        "inputs = 4\ninput_shape = [1, 2, 2]",
        'name = "a"\nkind = "conv"\nchannels = 2\nkernel = [2, 2]\nactivation = "tanh"',
    ),
    "conv_transpose": (
        "inputs = 4\ninput_shape = [1, 2, 2]",
        'name = "a"\nkind = "conv_transpose"\nchannels = 2\nkernel = [2, 2]',
    ),
    "batch_norm": ("inputs = 4", 'name = "a"\nkind = "batch_norm"'),
    "layer_norm": ("inputs = 4", 'name = "a"\nkind = "layer_norm"'),
    "position": (
        "inputs = 4\ninput_shape = [2, 2]",
        'name = "a"\nkind = "position"\nencoding = "learned"',
    ),
    "attention": ("inputs = 4\ninput_shape = [2, 2]", 'name = "a"\nkind = "attention"\nheads = 2'),
    "attention of q": (
        "inputs = 4\ninput_shape = [2, 2]",
        'name = "a"\nkind = "attention"\nprojections = ["q", "o"]\nunits = 3',
    ),
    "rnn": ("inputs = 4\ninput_shape = [2, 2]", 'name = "a"\nkind = "rnn"\nunits = 3\ninitial = "trained"'),
    "lstm": (
        "inputs = 4\ninput_shape = [2, 2]",
        'name = "a"\nkind = "lstm"\nunits = 3\nbias = "both"\ndirection = "both"\npeepholes = true',
    ),
    "gru": (
        "inputs = 4\ninput_shape = [2, 2]",
        'name = "a"\nkind = "gru"\nunits = 3\nbias = "one"\ngate_order = "zrn"',
    ),
}

PYTORCH: dict[str, dict[str, tuple[int, ...]]] = {
    "dense": {"a.weight": (3, 4), "a.bias": (3,)},
    "edges": {"a.weight": (2, 4), "a.bias": (2,)},
    "conv": {"a.weight": (2, 1, 2, 2), "a.bias": (2,)},
    "conv_transpose": {"a.weight": (1, 2, 2, 2), "a.bias": (2,)},
    "batch_norm": {"a.weight": (4,), "a.bias": (4,), "a.running_mean": (4,), "a.running_var": (4,)},
    "attention": {
        "a.in_proj_weight": (6, 2),
        "a.in_proj_bias": (6,),
        "a.out_proj.weight": (2, 2),
        "a.out_proj.bias": (2,),
    },
    "gru": {
        "a.weight_ih_l0": (9, 2),
        "a.weight_hh_l0": (9, 3),
        "a.bias_ih_l0": (9,),
        "a.bias_hh_l0": (9,),
    },
}
"""What PyTorch's modules call these tensors, and their shapes."""


def text(kind: str, *, extra: str = "", network: str = "", inputs: str = "", training: str = "") -> str:
    shape, layer = LAYERS[kind]
    flat = "[[0.1, 0.2, 0.3, 0.4], [0.5, -0.6, 0.7, 0.8]]"
    nested = "[[[0.1, 0.2], [0.3, 0.4]], [[0.5, -0.6], [0.7, 0.8]]]"
    channels = "[[[[0.1, 0.2], [0.3, 0.4]]], [[[0.5, -0.6], [0.7, 0.8]]]]"
    found = flat if "input_shape" not in shape else channels if "[1, 2, 2]" in shape else nested
    last = '[[network.layers]]\nname = "z"\nunits = 1\nactivation = "identity"'
    between = '[[network.layers]]\nkind = "flatten"\nname = "f"' if kind in {"attention", "attention of q"} else ""
    if kind in {"rnn", "lstm", "gru"}:
        layer += '\noutputs = "last"'
    return HEAD.format(
        network=f"{shape}\n{network}",
        layers=f"[[network.layers]]\n{layer}\n{extra}\n{between}\n{last}",
        inputs=inputs or found,
        targets="[[0.5], [1.0]]",
        training=training,
    )


def load(folder: Path, content: str, name: str = "s.toml") -> Session:
    (folder / name).write_text(content, encoding="utf-8")
    return Session(load_scenario(folder / name))


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
@pytest.mark.parametrize("kind", LAYERS)
def test_weights_of_every_kind_go_out_and_come_back_bit_for_bit(kind: str, suffix: str, tmp_path: Path) -> None:
    trained = load(tmp_path, text(kind))
    trained.run()
    updates = trained.schedule.per_epoch * 2
    export_weights(trained, updates, tmp_path / f"w{suffix}")
    found = load(tmp_path, text(kind, network=f'weights_file = "w{suffix}"'))
    assert not found.scenario.warnings
    after = dict(zip([array.name for array in trained.network.state], _state(trained, updates), strict=True))
    for array in found.network.state:
        start = dict(zip([one.name for one in found.network.state], _state(found, 0), strict=True))
        assert start[array.name].tobytes() == after[array.name].tobytes(), array.name
    assert (
        kind not in PYTORCH
        or PYTORCH[kind].items()
        <= {name: values.shape for name, values in weight_tensors(trained, updates).items()}.items()
    )


def _state(session: Session, updates: int) -> list[Any]:
    state = session.timeline.state(updates)
    ends = np.cumsum([array.size for array in session.network.state])[:-1]
    return np.split(state, ends)


@examples(30)
@given(st.dictionaries(st.text(min_size=1, max_size=8), st.lists(st.floats(), max_size=5), max_size=5))
def test_a_file_of_any_names_and_numbers_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, list[float]]
) -> None:
    content = {name: one for name, one in content.items() if name != "__metadata__" and name.isprintable()}
    path = tmp_path_factory.mktemp("w") / "w.safetensors"
    write_tensors(path, {name: np.array(one) for name, one in content.items()})
    found = open_tensors(path)
    assert list(found.tensors) == list(content)
    assert all(found[name].read().tobytes() == np.array(one).tobytes() for name, one in content.items())


def _file(header: Any, numbers: bytes = b"", length: int | None = None) -> bytes:
    body = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(body) if length is None else length) + body + numbers


def _entry(dtype: str, shape: list[Any], first: int, last: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x01\x02",
        _file({}, length=2**40),
        _file(b"[]"),
        _file(b"{"),
        _file(b'{"a":{},"a":{}}'),
        _file(b"\xff"),
        _file(b"[" * 5000),
        _file({"a": 1}),
        _file({"a": _entry("F64", [2], 0, 8)}, bytes(8)),
        _file({"a": _entry("F64", [2**40, 2**40], 0, 16)}, bytes(16)),
        _file({"a": _entry("F64", [-1], 0, 8)}, bytes(8)),
        _file({"a": _entry("F64", [True], 0, 8)}, bytes(8)),
        _file({"a": _entry("F64", [1], 8, 0)}, bytes(8)),
        _file({"a": _entry("F64", [1], 0, 8)}, bytes(7)),
        _file({"a": _entry("F64", [1], 0, 8)}, bytes(9)),
        _file({"a": _entry("F64", [1], 0, 8), "b": _entry("F64", [1], 0, 8)}, bytes(8)),
        _file({"a": _entry("F64", [1], 0, 8), "b": _entry("F64", [1], 16, 24)}, bytes(24)),
        _file({"a": _entry("F64", [1] * 40, 0, 8)}, bytes(8)),
    ],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_what_is_damaged_is_refused_in_one_line(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(EngineError) as caught:
        open_tensors(path)
    assert f"w{suffix}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "raw", "value"),
    [
        ("F16", np.float16(1.5).tobytes(), 1.5),
        ("BF16", b"\xc0\x3f", 1.5),
        ("F32", np.float32(0.1).tobytes(), float(np.float32(0.1))),
        ("I64", np.int64(7).tobytes(), 7.0),
        ("BOOL", b"\x01", 1.0),
    ],
)
def test_types_of_numbers_are_widened_exactly(dtype: str, raw: bytes, value: float, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(_file({"a": _entry(dtype, [], 0, len(raw))}, raw))
    assert open_tensors(tmp_path / "w.safetensors")["a"].read() == value


def arrays(**given: Any) -> dict[str, Any]:
    return {name.replace("__", "."): np.array(one, dtype=float) for name, one in given.items()}


FITTING = arrays(a__weight=np.ones((3, 4)), a__bias=[1, 2, 3], z__weight=[[1, 2, 3]], z__bias=[1])


@pytest.mark.parametrize(
    ("change", "extra", "said"),
    [
        ({"a.weight": np.ones((4, 3))}, "", "w.safetensors: a.weight has the shape 4×3; 3×4"),
        ({"a.weight": None}, "", "w.safetensors has no tensor a.weight (3×4)"),
        ({"a.gain": np.ones(3)}, "", "has a.gain, and the layer has no such tensor; it has: weight, bias"),
        ({}, "biases = [1.0, 2.0, 3.0]", "a.bias is in w.safetensors too"),
        ({}, 'weights_from = "b"', "has no tensor b.weight"),
        ({}, 'weights_from = { gain = "a.weight" }', "no tensor gain; it has: weight, bias"),
    ],
)
def test_what_does_not_fit_is_named_with_file_key_and_shape(
    change: dict[str, Any], extra: str, said: str, tmp_path: Path
) -> None:
    content = {name: one for name, one in {**FITTING, **change}.items() if one is not None}
    write_tensors(tmp_path / "w.safetensors", content)
    with pytest.raises(ScenarioError, match=r"network.layers") as caught:
        load(tmp_path, text("dense", extra=extra, network='weights_file = "w.safetensors"'))
    assert said in str(caught.value)


def test_keys_that_need_a_file_say_so(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"weights_from names tensors of network.weights_file"):
        load(tmp_path, text("dense", extra='weights_from = "b"'))
    with pytest.raises(ScenarioError, match=r"there is no network.weights_file"):
        load(tmp_path, text("dense", training='momentum = 0.9\nmemory = { "v(W_a)" = "x" }'))


def test_a_file_with_more_than_the_network_takes_is_odd(tmp_path: Path) -> None:
    write_tensors(
        tmp_path / "w.safetensors", {**FITTING, "head.weight": np.ones(2), "bn.num_batches_tracked": np.ones(1)}
    )
    found = load(tmp_path, text("dense", network='weights_file = "w.safetensors"'))
    (warning,) = found.scenario.warnings
    assert "1 tensors belong to no layer: head.weight" in str(warning)


def test_a_second_bias_that_is_not_0_has_no_place(tmp_path: Path) -> None:
    session = load(tmp_path, text("gru"))
    tensors = weight_tensors(session, 0)
    tensors["a.bias_hh_l0"] = np.ones(9)
    write_tensors(tmp_path / "w.npz", tensors)
    with pytest.raises(ScenarioError, match='bias = "both" gives it one'):
        load(tmp_path, text("gru", network='weights_file = "w.npz"'))


def test_the_optimiser_remembers_and_the_mask_drops_what_the_file_says(tmp_path: Path) -> None:
    mask = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    write_tensors(tmp_path / "w.safetensors", {**FITTING, "v": np.full((3, 4), 0.25), "m": mask})
    more = '[[network.layers]]\nname = "d"\nkind = "dropout"\nrate = 0.25\nfirst_mask = "m"'
    found = load(
        tmp_path,
        text(
            "dense",
            extra=more,
            network='weights_file = "w.safetensors"',
            training='momentum = 0.5\nmemory = { "v(W_a)" = "v" }',
        ),
    )
    frame = found.timeline.frame(0)
    assert (frame.array(frame.program.named["mask_d"]) == mask).all()
    assert (frame.array(frame.program.named["v(W_a)"]) == 0.25).all()
    assert found.timeline.frame(1).array(frame.program.named["mask_d"]).shape == mask.shape


TWINS = """format = 1
title = {{ en = "x" }}
[network]
inputs = 3
[[network.layers]]
name = "{a}"
units = 3
[[network.layers]]
name = "{b}"
units = 3
[data]
inputs = [[0.1, 0.2, 0.3]]
targets = [[0.5, 1.0, 0.2]]
[loss]
kind = "mean_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""


def _twins(folder: Path, names: tuple[str, str], *, layers: tuple[str, str] = ("h", "o")) -> None:
    tensors = {}
    for number, name in enumerate(names, 1):
        tensors |= {f"{name}.weight": np.full((3, 3), float(number)), f"{name}.bias": np.full(3, float(number))}
    write_tensors(folder / "w.safetensors", tensors)
    (folder / "like.toml").write_text(TWINS.format(a=layers[0], b=layers[1]), encoding="utf-8")


@pytest.mark.parametrize(
    ("names", "layers", "given", "first"),
    [
        (("h", "o"), ("h", "o"), [], 1.0),
        (("o", "h"), ("h", "o"), [], 2.0),
        (("model.o", "model.h"), ("h", "o"), [], 2.0),
        (("net.0", "net.2"), ("h", "o"), [], 1.0),
        (("net.10", "net.2"), ("h", "o"), [], 2.0),
        (("one", "two"), ("h", "o"), [("two", "h"), ("one", "o")], 2.0),
        (("one", "two"), ("h", "o"), [("two", "h"), ("one.weight", "o.weight"), ("one.bias", "o.bias")], 2.0),
        (("a.b", "c"), ("a_b", "c"), [], 1.0),
    ],
)
def test_tensors_are_found_by_name_then_by_number(
    names: tuple[str, str], layers: tuple[str, str], given: list[tuple[str, str]], first: float, tmp_path: Path
) -> None:
    _twins(tmp_path, names, layers=layers)
    target = tmp_path / "sub" / "new.toml"
    target.parent.mkdir()
    found = import_weights(tmp_path / "w.safetensors", str(tmp_path / "like.toml"), given, target)
    target.write_text(found.text, encoding="utf-8")
    session = Session(load_scenario(target))
    weights = next(values for array, values in session.network.parameters.items() if array.name == f"W_{layers[0]}")
    assert (weights == first).all()


def test_what_could_be_either_of_two_is_refused_with_a_table(tmp_path: Path) -> None:
    _twins(tmp_path, ("encoder", "decoder"))
    with pytest.raises(EngineError) as caught:
        import_weights(tmp_path / "w.safetensors", str(tmp_path / "like.toml"), [], tmp_path / "new.toml")
    lines = str(caught.value).splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["h", "o"]
    assert all("encoder or decoder" in line for line in lines[1:3])
    assert "--map PREFIX=h" in lines[-1]


def test_a_setting_of_the_scenario_that_it_is_like_is_in_the_one_that_is_made(tmp_path: Path) -> None:
    weights, target = tmp_path / "mazur.npz", tmp_path / "made.toml"
    session = Session(load_scenario("mazur"))
    export_weights(session, 0, weights)
    target.write_text(import_weights(weights, "mazur:learning_rate=0.25,l2=0.5", [], target).text, encoding="utf-8")
    made = load_scenario(target)
    assert (made.training.learning_rate, made.training.l2) == (0.25, 0.5)
