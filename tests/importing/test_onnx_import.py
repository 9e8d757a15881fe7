"""Networks of ONNX become scenarios that compute what PyTorch computes; files of tests/importing/make_data.py."""

from __future__ import annotations

import math
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import EngineError
from retrograde.engine.importing.onnx_file import read_onnx
from retrograde.engine.importing.onnx_network import import_onnx

DATA = Path(__file__).parent / "data"
NETWORKS = ("cnn", "deep", "residual", "causal", "words-l", "words-g", "words-r")


def field(number: int, value: bytes | int | str) -> bytes:
    """A field of a message of protocol buffers."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    found = b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


def tensor(name: str, values: np.ndarray) -> bytes:
    kind = 7 if values.dtype.kind == "i" else 11
    dims = b"".join(field(1, length) for length in values.shape)
    return dims + field(2, kind) + field(8, name) + field(9, values.astype("<i8" if kind == 7 else "<f8").tobytes())


def node(op: str, inputs: list[str], output: str, *, name: str = "", **attributes: float | list[int]) -> bytes:
    parts = [field(1, one) for one in inputs] + [field(2, output), field(3, name), field(4, op)]
    for key, one in attributes.items():
        if isinstance(one, float):
            body = varint(2 << 3 | 5) + struct.pack("<f", one)
        elif isinstance(one, int):
            body = field(3, one)
        else:
            body = b"".join(field(8, part) for part in one)
        parts.append(field(5, field(1, key) + body))
    return b"".join(parts)


def given(name: str, shape: list[int], *, kind: int = 11) -> bytes:
    dims = b"".join(field(1, field(1, length) if length else field(2, "n")) for length in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def graph(nodes: list[bytes], tensors: list[bytes], shape: list[int], *, output: str = "y", kind: int = 11) -> bytes:
    parts = [field(1, one) for one in nodes] + [field(5, one) for one in tensors]
    return field(7, b"".join([*parts, field(11, given("x", shape, kind=kind)), field(12, given(output, []))]))


GEMM = node("Gemm", ["x", "w"], "h", transB=1)
NUMBERS = [tensor(name, np.array(value)) for name, value in (("root", 2**0.5), ("one", 1.0), ("half", 0.5))]


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_those_of_pytorch(name: str, tmp_path: Path) -> None:
    shutil.copy(DATA / f"{name}-onnx.npz", tmp_path)
    found = import_onnx(DATA / f"{name}.onnx", loss="mean_squared_error", data=f"{name}-onnx.npz")
    found.write(tmp_path / "net.toml")
    session = Session(load_scenario(tmp_path / "net.toml"))
    assert session.measure("E_data", 0) < 1e-28


@pytest.mark.parametrize(
    ("reduced", "value"),
    [
        (lambda x, w: np.maximum(x @ w.T, 0.0), [GEMM, node("Relu", ["h"], "y")]),
        (
            lambda x, w: np.tanh(x @ w.T),
            [node("Transpose", ["w"], "t"), node("MatMul", ["x", "t"], "h"), node("Tanh", ["h"], "y")],
        ),
        (lambda x, w: np.clip(x @ w.T, 0, 6), [GEMM, node("Clip", ["h"], "y", min=0.0, max=6.0)]),
        (lambda x, w: x @ w.T + x @ w.T, [GEMM, node("Add", ["h", "h"], "y")]),
        (lambda x, w: np.maximum(x @ w.T, 0.25 * (x @ w.T)), [GEMM, node("LeakyRelu", ["h"], "y", alpha=0.25)]),
        (
            lambda x, w: x @ w.T * 0.5 * (1 + np.vectorize(math.erf)(x @ w.T / 2**0.5)),
            [
                GEMM,
                node("Div", ["h", "root"], "d"),
                node("Erf", ["d"], "e"),
                node("Add", ["e", "one"], "a"),
                node("Mul", ["h", "a"], "m"),
                node("Mul", ["m", "half"], "y"),
            ],
        ),
        (
            lambda x, w: x @ w.T * 0.5 * (1 + np.vectorize(math.erf)(x @ w.T / 2**0.5)),
            [
                GEMM,
                node("Div", ["h", "root"], "d"),
                node("Erf", ["d"], "e"),
                node("Add", ["e", "one"], "a"),
                node("Mul", ["h", "half"], "m"),
                node("Mul", ["m", "a"], "y"),
            ],
        ),
    ],
)
def test_small_graphs(reduced: object, value: list[bytes], tmp_path: Path) -> None:
    weights = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
    (tmp_path / "net.onnx").write_bytes(graph(value, [tensor("w", weights), *NUMBERS], [0, 3]))
    inputs = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]])
    np.savez(tmp_path / "d.npz", inputs=inputs, targets=reduced(inputs, weights))  # type: ignore[operator]
    import_onnx(tmp_path / "net.onnx", loss="mean_squared_error", data="d.npz").write(tmp_path / "net.toml")
    assert Session(load_scenario(tmp_path / "net.toml")).measure("E_data", 0) < 1e-30


def test_without_samples_it_opens_with_one_of_zeros(tmp_path: Path) -> None:
    files = import_onnx(DATA / "cnn.onnx", loss=None, data=None).write(tmp_path / "net.toml")
    assert [path.name for path in files] == ["net.toml", "net.safetensors", "net.npz"]
    assert "# [loss]" in (tmp_path / "net.toml").read_text(encoding="utf-8")
    assert not Session(load_scenario(tmp_path / "net.toml")).network.dataset.inputs.any()


def test_operators_without_a_layer_are_all_named(tmp_path: Path) -> None:
    nodes = [
        node("Det", ["x"], "a", name="/one/Det"),
        node("Erf", ["x"], "b", name="/two/Erf"),
        node("Relu", ["a"], "y"),
    ]
    (tmp_path / "net.onnx").write_bytes(graph(nodes, [], [0, 3]))
    with pytest.raises(EngineError) as caught:
        import_onnx(tmp_path / "net.onnx", loss=None, data=None)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "Det /one/Det" in lines[1]
    assert "Erf /two/Erf" in lines[2]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 40,
        b"\x80" * 20,
        field(7, b"")[:-1] + b"\x05",
        field(7, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        graph([], [field(1, 2**40) + field(2, 11) + field(8, "w") + field(9, b"12345678")], [0, 3]),
        graph([], [field(1, 3) + field(2, 99) + field(8, "w")], [0, 3]),
        graph([], [field(1, 3) + field(2, 11) + field(8, "w") + field(14, 1)], [0, 3]),
        graph([], [field(1, 1) + field(2, b"\x0b") + field(8, "w") + field(9, b"12345678")], [0, 3]),
    ],
)
def test_what_is_damaged_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(EngineError, match=r"net\.onnx") as caught:
        import_onnx(tmp_path / "net.onnx", loss=None, data=None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value", [field(2, b""), field(2, bytes(8)), field(3, b"\x01"), field(7, 1), field(8, b"\xff")]
)
@pytest.mark.parametrize("name", ["alpha", "transB"])
def test_a_setting_of_another_kind_is_none(name: str, value: bytes, tmp_path: Path) -> None:
    """A number that comes as bytes, a list of numbers that comes as one: read as if it were not there, or refused."""
    gemm = node("Gemm", ["x", "w"], "y", transB=1) + field(5, field(1, name) + value)
    (tmp_path / "net.onnx").write_bytes(graph([gemm], [tensor("w", np.ones((2, 3)))], [0, 3]))
    try:
        (read,) = read_onnx(tmp_path / "net.onnx").nodes
    except EngineError as error:
        assert "\n" not in str(error)
    else:
        assert read.attributes == {"transB": 1}


@pytest.mark.parametrize("cut", range(0, 1400, 97))
def test_a_file_that_ends_early_is_refused(cut: int, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes((DATA / "cnn.onnx").read_bytes()[:cut])
    with pytest.raises(EngineError):
        import_onnx(tmp_path / "net.onnx", loss=None, data=None)


def test_settings_are_read_as_they_were_written() -> None:
    (norm,) = [one for one in read_onnx(DATA / "cnn.onnx").nodes if one.op == "BatchNormalization"]
    assert norm.attributes["epsilon"] == 1e-5
