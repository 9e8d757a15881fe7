"""`retrograde import`: weights, a network of ONNX, or a recorded step become a scenario."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _, visible
from retrograde.tui.cli.support.columns import table
from retrograde.tui.cli.support.subcommand import Subcommand, argument

if TYPE_CHECKING:
    from retrograde.engine.importing.draft import Draft
    from retrograde.engine.importing.weights import Imported

_SUFFIXES = (".safetensors", ".npz", ".onnx", ".rgrec")


def bring(given: argparse.Namespace) -> int:
    """Write a scenario made of what was trained elsewhere, and print what became of it; return the exit code.

    Raises:
        EngineError: It can not be made, or not written.
    """
    path = Path(given.file)
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        known = _(" or ").join(_SUFFIXES)
        message = _("{file}: what is imported ends in {known}; of .pt and .pth, save safetensors in PyTorch")
        raise EngineError(message.format(file=visible(given.file), known=known))
    if not path.is_file():
        raise EngineError(_("there is no file {path}").format(path=visible(given.file)))
    target = Path(given.output) if given.output else Path(path.stem + ".toml")
    _check_target(target)
    if suffix == ".rgrec":
        return _recording(path, target)
    if suffix == ".onnx":
        return _onnx(path, target, given)
    return _weights(path, target, given)


def _check_target(target: Path) -> None:
    if target.suffix != ".toml":
        raise EngineError(_("{file}: the name of a scenario file ends in .toml").format(file=target))
    if target.exists() or target.is_symlink():
        raise EngineError(_("{file} exists; nothing was written").format(file=target))
    if not target.parent.is_dir():
        raise EngineError(_("{folder} is not a folder; nothing was written").format(folder=target.parent))


def _weights(path: Path, target: Path, given: argparse.Namespace) -> int:
    from retrograde.engine.atomic import write_whole
    from retrograde.engine.importing.weights import import_weights

    if given.like is None:
        message = _("{file} has weights and no network: say which with --like NAME or --like FILE.toml")
        raise EngineError(message.format(file=visible(given.file)))
    found = import_weights(path, given.like, [_pair(text) for text in given.map], target)
    write_whole(target, found.text)
    _say(found)
    print(_("wrote {file}: open it with `retrograde {file}`").format(file=quote(str(target))))
    return 0


def _recording(path: Path, target: Path) -> int:
    from retrograde.engine.importing.recorded import map_recording
    from retrograde.engine.recording.recording import load_recording

    found = map_recording(load_recording(path))
    written = found.write(target)
    _say_layers(found.draft)
    for note in found.notes:
        print(note)
    print(_("wrote {files}").format(files=", ".join(map(str, written))))
    message = _("open it with `retrograde {file}`; `retrograde compare {recording} {file}` holds it to the recording")
    print(message.format(file=quote(str(target)), recording=quote(str(path))))
    return 0


def _onnx(path: Path, target: Path, given: argparse.Namespace) -> int:
    from retrograde.engine.importing.onnx_network import import_onnx

    data = None if given.data is None else os.path.relpath(Path(given.data).resolve(), target.resolve().parent)
    found = import_onnx(path, loss=given.loss, data=None if data is None else data.replace(os.sep, "/"))
    written = found.write(target)
    _say_layers(found.draft)
    print(_("wrote {files}").format(files=", ".join(map(str, written))))
    if data is None:
        print(_("the file has no samples, no loss and no training: write yours into {file}").format(file=target))
    print(_("open it with `retrograde {file}`").format(file=quote(str(target))))
    return 0


def _say_layers(draft: Draft) -> None:
    """A table of the layers, with the tensors of each."""
    rows = [[_("layer"), _("kind"), _("tensors")]]
    rows += [[node.name, node.kind, ", ".join(node.tensors)] for node in draft.nodes]
    print("\n".join(table(rows)))


def _pair(text: str) -> tuple[str, str]:
    source, equals, layer = text.rpartition("=")
    if not equals or not layer:
        message = _("--map {text}: this is PREFIX=LAYER or TENSOR=LAYER.NAME, such as fc1=h or W1=h.weight")
        raise EngineError(message.format(text=text))
    return source, layer


def _say(found: Imported) -> None:
    """A table of where each layer gets its weights from."""
    how = {"map": "--map", "name": _("by name"), "order": _("by order")}
    rows = [[_("layer"), _("tensors"), _("found")]]
    for match in found.matches:
        rows.append([match.layer, ", ".join(map(visible, match.tensors.values())), how[match.by]])
    print("\n".join(table(rows)))
    if found.left:
        print(_("no layer takes: {names}").format(names=", ".join(map(visible, found.left))))


COMMAND = Subcommand(
    name="import",
    help=N_("make a scenario of weights, of a network in ONNX, or of a recorded step"),
    arguments=(
        argument("file", metavar="FILE", help=N_(".safetensors or .npz (weights), .onnx, or .rgrec (a recorded step)")),
        argument("--like", metavar="NAME|FILE.toml", help=N_("of weights: the scenario whose network they are of")),
        argument(
            "--map",
            action="append",
            default=[],
            metavar="PREFIX=LAYER",
            help=N_("of weights: which layer a prefix in the file is; or TENSOR=LAYER.weight; may be repeated"),
        ),
        argument("--data", metavar="FILE", help=N_("of ONNX: the file of samples that the scenario reads")),
        argument("--loss", metavar="KIND", help=N_("of ONNX: the loss, such as cross_entropy")),
        argument(
            "--as",
            dest="what",
            choices=("scenario",),
            default="scenario",
            help=N_("what is made of a recorded step: a scenario that goes on from there"),
        ),
        argument(
            "-o",
            "--output",
            metavar="FILE.toml",
            help=N_("the scenario that is written; else the name of the file, here"),
        ),
    ),
    run=bring,
    page="weights.md",
)
