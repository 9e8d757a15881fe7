"""What a cursor walks in a recording: one iteration, which is read and never computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import OnlyReadError
from retrograde.engine.executor.base import Executor
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import Program
from retrograde.engine.recording.naming import RecordedNotation
from retrograde.engine.recording.program import RecordedProgram
from retrograde.engine.text import _, visible
from retrograde.engine.travel.checkpoints import Checkpoints
from retrograde.engine.travel.timeline import DEFAULT_BUDGET, Change, Timeline


def only_read(name: str) -> OnlyReadError:
    """What is said where a recording is to be run on or changed.

    Args:
        name: the name of its file.
    """
    message = _(
        "{name} is a recording of one step that ran elsewhere: it is read, not run or changed; "
        "`retrograde import {name} --as scenario` makes what runs on and forks, where its model maps"
    )
    return OnlyReadError(message.format(name=visible(name)))


def no_such_motion(granularity: str) -> OnlyReadError:
    """What is said of a motion by what a recording has not."""
    if granularity == "sample":
        text = _("a recording has no samples of its own: nobody knows which axis of its arrays is the batch")
    else:
        text = _("a recording is one iteration of a training: there is no other iteration or epoch to move to")
    return OnlyReadError(text)


class RecordedNetwork(Network):
    """What a recording has of a network: names, and parameters; nothing that could run.

    Args:
        recorded: the program of the recording.
        notation: its names.
        name: the name of its file.
    """

    def __init__(self, recorded: RecordedProgram, notation: RecordedNotation, name: str) -> None:
        self._recorded = recorded
        self._name = name
        self.notation = notation
        self.layers = ()
        self.forms = {}
        self.losses = ()
        self.held_columns = None
        self.trainable = tuple(array for array in self.listed if f"new({array.name})" in recorded.program.named)

    def __getattr__(self, name: str) -> Any:
        """What only a scenario has."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise only_read(self._name)

    @property
    def learning_rate(self) -> float | None:
        """None: it is a number among the arguments of ops."""
        return None

    @property
    def listed(self) -> tuple[Array, ...]:
        """The parameters, in the order in which the model has them."""
        return tuple(array for array in self._recorded.arrays if array.role is Role.WEIGHT)

    @property
    def remembered(self) -> tuple[Array, ...]:
        """What the optimiser keeps of parameters."""
        return tuple(array for array in self._recorded.arrays if array.role is Role.MEMORY)

    def sensitivity(self, batch: int) -> Program:
        """Refused: gradients of the inputs are there where the step computed them, and nowhere else."""
        raise only_read(self._name)


class RecordedTimeline(Timeline):
    """The one iteration of a recording, at every moment.

    Args:
        recorded: the program of the recording.
        notation: its names.
        name: the name of its file.
    """

    def __init__(self, recorded: RecordedProgram, notation: RecordedNotation, name: str) -> None:
        self.network = RecordedNetwork(recorded, notation, name)
        self.parent = None
        self.change = Change(base=0)
        self.base = 0
        self.schedule = recorded.schedule
        self.constants = {}
        self.generated = False
        self.iteration_seconds = 1e-9
        self.checkpoints = Checkpoints(0, 1, DEFAULT_BUDGET, 0)
        self.checkpoints.put(0, np.empty(0))
        self._recorded = recorded
        self._name = name

    @property
    def native(self) -> bool:
        """Nothing is computed here."""
        return False

    def limit(self, budget: int) -> None:
        """Nothing is kept: the values are in the file."""
        del budget

    def state(self, iteration: int, on_progress: Callable[[int, int], bool] | None = None) -> Floats:
        """Nothing is handed on from one iteration to another."""
        del iteration, on_progress
        return np.empty(0)

    def frame(self, iteration: int) -> Frame:
        """The recorded values.

        Raises:
            OnlyReadError: another iteration than the one is wanted.
        """
        if iteration:
            raise no_such_motion("iteration")
        return self._recorded.frame

    def frames(self, start: int, stop: int) -> Iterator[Frame]:
        """The one frame, where it is wanted."""
        return (self.frame(iteration) for iteration in range(start, stop))

    def _run(
        self,
        state: Floats,
        start: int,
        count: int,
        run: Callable[[Executor, Floats, Sequence[Any]], Floats],
        look: Callable[[Frame, int], None],
        sensitive: bool,
    ) -> Floats:
        """Looks at the one iteration; there is none that could be computed."""
        del run, sensitive
        for iteration in range(start, start + count):
            look(self.frame(iteration), iteration)
        return state

    def executor(self, program: Program) -> Executor:
        """Refused."""
        raise self._refusal

    def made(self, program: Program, constants: Mapping[Array, Floats]) -> Executor:
        """Refused."""
        raise self._refusal

    def framer(self, iteration: int, program: Program | None = None) -> Callable[[Floats], Frame]:
        """Refused."""
        raise self._refusal

    def sensitive(self, iteration: int) -> Frame:
        """Refused."""
        raise self._refusal

    def replaced(self, iteration: int, program: Program | None = None) -> dict[Ref, float]:
        """Nothing was edited."""
        del iteration, program
        return {}

    @cached_property
    def evaluation(self) -> Program:
        """Refused."""
        raise self._refusal

    def evaluated(self, state: Floats, *, held_out: bool = False) -> Frame:
        """Refused."""
        raise self._refusal

    @property
    def nbytes(self) -> int:
        """Bytes of history that are held."""
        return 0

    @property
    def _refusal(self) -> OnlyReadError:
        return only_read(self._name)
