"""`retrograde code`: the same training as a plain program of NumPy, PyTorch, TensorFlow or JAX."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _
from retrograde.tui.cli.support.loading import load
from retrograde.tui.cli.support.subcommand import DATA, Subcommand, argument, count

if TYPE_CHECKING:
    import argparse


def code(given: argparse.Namespace) -> int:
    """Print the program, or write it with the numbers that are too many to stand in it; return 0.

    Raises:
        EngineError: The training has something that such a program cannot say, or a file cannot be written.
        ScenarioError: The scenario can not be used.
    """
    from retrograde.engine.atomic import write_bytes, write_whole
    from retrograde.engine.network.network import Network
    from retrograde.engine.writing.code import code_of
    from retrograde.engine.writing.dialects import DIALECTS

    network = Network(load(given.scenario, data=None if given.data is None else Path(given.data)))
    target = None if given.output is None else Path(given.output)
    if target is not None and target.suffix != ".py":
        raise EngineError(_("{file}: a program's file ends in .py").format(file=target))
    numbers = None if target is None else target.with_suffix(".npz")
    made = code_of(network, DIALECTS[given.library], epochs=given.epochs, data="" if numbers is None else numbers.name)
    if target is None:
        print(made.text, end="")
        return 0
    if made.arrays and numbers is not None:
        import numpy as np

        content = io.BytesIO()
        np.savez(content, **made.arrays)
        write_bytes(numbers, content.getvalue())
        print(_("written: {file}").format(file=numbers))
    write_whole(target, made.text)
    print(_("written: {file}").format(file=target))
    return 0


COMMAND = Subcommand(
    name="code",
    help=N_("the same training as a program of NumPy, PyTorch, TensorFlow or JAX"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml"),
        argument(
            "--for",
            dest="library",
            choices=("numpy", "torch", "tensorflow", "jax"),
            default="numpy",
            help=N_("the library (default: numpy)"),
        ),
        argument("--epochs", type=count, metavar="N", help=N_("train this many epochs (default: the scenario's most)")),
        argument(
            "-o",
            "--output",
            metavar="FILE.py",
            help=N_("write it there, and numbers that are too many for it into FILE.npz"),
        ),
        DATA,
    ),
    run=code,
    page="code.md",
)
