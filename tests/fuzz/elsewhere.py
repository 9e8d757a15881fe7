"""Files from elsewhere, damaged or hostile: recordings, weights in safetensors and NPZ, networks of ONNX."""

from __future__ import annotations

import gzip
import io
import json
import random
import shutil
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from retrograde.engine.errors import EngineError
from retrograde.engine.importing.onnx_network import import_onnx
from retrograde.engine.importing.recorded import map_recording
from retrograde.engine.importing.weights import import_weights
from retrograde.engine.recording.form import STEP
from retrograde.engine.recording.recording import load_recording
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.scenario.weights.npz import npz_bytes
from retrograde.engine.scenario.weights.safetensors import safe_bytes
from retrograde.engine.session.session import Session
from retrograde.tui.cli.support.streams import complain, settled_streams
from tests.fuzz.target import Beat
from tests.fuzz.trees import places

DATA = Path(__file__).parents[1] / "importing" / "data"
MOST = 50_000_000
"""Bytes that reading a file of a few kilobytes may take."""
NUMBERS = (-1, 0, 1, 2, 3, 7, 2**20, 2**31, 2**40, 2**48, 2**63, 10**30, 0.5, True, None)
NAMES = ("", "../../x", "/etc/passwd", "C:\\x", "\x1b[31mx", "\u202ex", "y" * 3000, "a\0b", "x.npy", "h.weight", "∂")
BOMB = 60_000_000
"""Bytes of zeros that a few kilobytes become."""


def _changed(rng: random.Random, content: Any) -> Any:
    """A tree with a few numbers, names or branches that are others, twice there, or missing."""
    there = places(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        *way, last = rng.choice(there)
        inner = content
        try:
            for key in way:
                inner = inner[key]
            value = inner[last]
        except (KeyError, IndexError, TypeError):
            continue
        if not isinstance(inner, dict | list):
            # What was a branch is a text by now.
            continue
        match rng.randrange(6):
            case 0 if isinstance(inner, dict):
                del inner[last]
            case 1 if isinstance(inner, list):
                inner.extend([value] * rng.choice((1, 2, 1000)))
            case 2 if isinstance(value, list):
                inner[last] = value[::-1] + rng.choice(([], [2**40], [1] * 70, [0]))
            case 3 if isinstance(value, str):
                inner[last] = rng.choice((*NAMES, value[::-1], value + value))
            case 4 if isinstance(value, int):
                inner[last] = value + rng.choice((-64, -8, -1, 1, 8, 64))
            case _:
                inner[last] = rng.choice((*NUMBERS, *NAMES, [], {}))
    return content


def _flipped(rng: random.Random, content: bytes) -> bytes:
    """Bytes that are others, or end too soon, or stand twice."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5, 50))):
        data[rng.randrange(len(data))] = rng.choice((0, 127, 128, 255, rng.randrange(256)))
    at = rng.randrange(len(data))
    return bytes(rng.choice((data, data, data[:at], data[:at] + data[at // 2 :])))


def _packed(rng: random.Random, entries: Mapping[str, bytes]) -> bytes:
    """A ZIP of them, now and then packed in another way, with other names, a name twice, or far more than its size."""
    stream = io.BytesIO()
    names = NAMES[1:]
    pack = rng.choice((*[zipfile.ZIP_STORED] * 6, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", pack) as archive:
        # A name that is there twice.
        warnings.simplefilter("ignore", UserWarning)
        for name, content in entries.items():
            dice = rng.random()
            shown = name if dice > 0.04 else rng.choice(names)
            archive.writestr(shown, content)
            if dice > 0.98:
                archive.writestr(shown, content)
        if rng.random() < 0.06:
            archive.writestr(rng.choice(names), b"\0" * BOMB, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _recording(rng: random.Random, whole: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    step = json.loads(entries[STEP])
    if rng.random() < 0.9:
        step = _changed(rng, step)
    return _packed(rng, {**entries, STEP: json.dumps(step).encode("utf-8", "replace")})


def _safetensors(rng: random.Random, whole: bytes) -> bytes:
    length = int.from_bytes(whole[:8], "little")
    header, rest = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    text = json.dumps(_changed(rng, header)).encode("utf-8", "replace")
    said = len(text) if rng.random() < 0.9 else rng.choice((0, 1, len(text) * 2, 2**40, 2**63))
    return said.to_bytes(8, "little") + text + rng.choice((rest, rest, rest, rest[:-8], rest * 2, b""))


def _npz(rng: random.Random, whole: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(entries))
    content = entries[name]
    at = content.index(b"(")
    shapes = (
        b"(True, 2)",
        b"(-1, 4)",
        b"(1099511627776,)",
        b"(1099511627776, 1099511627776)",
        b"()",
        b"(" * 400,
        b"'x'",
    )
    kinds = (b"<f8", b"|O8", b"<c16", b"<U9", b">f8", b"|V8", b"<f2")
    match rng.randrange(4):
        case 0:
            content = content[:at] + rng.choice(shapes) + content[content.index(b")") + 1 :]
        case 1:
            content = content.replace(b"<f8", rng.choice(kinds), 1)
        case 2:
            content = _flipped(rng, content)
        case _:
            content = content[: rng.randrange(len(content))]
    return _packed(rng, {**entries, name: content})


def _onnx(rng: random.Random, whole: bytes) -> bytes:
    """Now and then with a length that is another, which is what hostile files of protocol buffers have."""
    if rng.random() < 0.6:
        return _flipped(rng, whole)
    at = rng.randrange(len(whole))
    return (
        whole[:at]
        + rng.choice((b"\xff" * 9 + b"\x01", b"\x80\x80\x80\x80\x80\x20", b"\x00", b"\x0a" * 500))
        + whole[at:]
    )


CHANGES: Mapping[str, Callable[[random.Random, bytes], bytes]] = {
    "rgrec": _recording,
    "safetensors": _safetensors,
    "npz": _npz,
    "onnx": _onnx,
}


class Elsewhere:
    """Each input is a line that says which kind of file it is, and the file."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._home = home
        tensors = {"h.weight": np.eye(2), "h.bias": np.ones(2), "o.weight": np.eye(2) / 2, "o.bias": np.zeros(2)}
        self._whole: Mapping[str, list[bytes]] = {
            "rgrec": [gzip.decompress((DATA / f"{one}.rgrec.gz").read_bytes()) for one in ("mlp-sgd", "tied")],
            "safetensors": [safe_bytes(tensors)],
            "npz": [npz_bytes(tensors)],
            "onnx": [(DATA / f"{one}.onnx").read_bytes() for one in ("cnn", "deep", "causal", "words-g")],
        }

    def made(self, seed: int) -> bytes:
        rng = random.Random(seed)
        kind = rng.choice(("rgrec", "rgrec", "safetensors", "npz", "onnx"))
        content = rng.choice(self._whole[kind])
        # One in seven is whole, so that what follows the reading is run too.
        if rng.random() < 0.85:
            content = CHANGES[kind](rng, content)
        if rng.random() < 0.1:
            content = _flipped(rng, content)
        return kind.encode() + b"\n" + content

    def run(self, content: bytes, beat: Beat) -> bool:
        suffix, bare = self.file(content)
        folder = self._home / "case"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        file = folder / f"given{suffix}"
        file.write_bytes(bare)
        tracemalloc.start()
        try:
            self._read(file, beat)
        except EngineError as error:
            with settled_streams():
                complain(str(error))
            assert str(error).strip(), "the error says nothing"
            return False
        finally:
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert most < MOST, f"{most:,} bytes to read {len(bare):,}"
        return True

    @staticmethod
    def _read(file: Path, beat: Beat) -> None:
        """Reads a file as `retrograde import` does, and opens what comes of it."""
        made = file.with_suffix(".toml")
        if file.suffix == ".rgrec":
            recording = load_recording(file)
            for _check in recording.check():
                pass
            beat()
            map_recording(recording).write(made)
        elif file.suffix == ".onnx":
            import_onnx(file, loss=None, data=None).write(made)
        else:
            made.write_text(import_weights(file, "mazur", [], made).text, encoding="utf-8")
        beat()
        Session(load_scenario(made)).step()

    @staticmethod
    def file(content: bytes) -> tuple[str, bytes]:
        kind, _line, bare = content.partition(b"\n")
        return f".{kind.decode()}", bare


TARGET = Elsewhere
