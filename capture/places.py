"""Where in a training step an op runs: its phase, its module, its node of the backward pass, the user's own line."""

from __future__ import annotations

import linecache
import sys
import sysconfig
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch.nn.modules import module as hooks

from retrograde.engine.recording.form import Source

_NOT_THEIRS = (
    str(Path(torch.__file__).parent),
    str(Path(__file__).parent),
    sysconfig.get_paths()["stdlib"],
)

_node = torch._C._current_autograd_node
_sequence = torch._C._autograd._get_sequence_nr
_NOWHERE: tuple[str, int | None, int | None] = "", None, None


class Spot(NamedTuple):
    """Where an op runs.

    Attributes:
        forward: the op whose gradient it belongs to, by its number.
        recomputed: whether it is a forward op that runs again in the backward pass.
    """

    phase: str
    module: str = ""
    node: str = ""
    source: int | None = None
    forward: int | None = None
    recomputed: bool = False


class Whereabouts:
    """Watches the modules and the optimisers while a step runs.

    Attributes:
        sources: the user's own lines so far.
    """

    def __init__(self, models: list[Any], optimizers: list[Any]) -> None:
        self.sources: list[Source] = []
        self._lines: dict[tuple[str, str, int], int] = {}
        self._paths: dict[int, str] = {}
        for number, model in enumerate(models):
            for path, one in model.named_modules():
                root = "" if len(models) == 1 else f"model{number + 1}"
                self._paths.setdefault(id(one), ".".join(filter(None, (root, path))))
        self._models = models
        self._optimizers = optimizers
        self._stack: list[Any] = []
        self._updating = 0
        self._forward_done = self._backward_begun = False
        self._handles: list[Any] = []
        self._by_sequence: dict[int, tuple[str, int | None, int | None]] = {}
        self.before_update: list[Any] = []

    def know(self, wrappers: list[Any]) -> None:
        """Wrappers around the modules, as `torch.compile` makes them: their paths are those of what they hold."""
        for model, wrapper in zip(self._models, wrappers, strict=True):
            self._paths.setdefault(id(wrapper), self._paths[id(model)])

    def watch(self) -> None:
        """Hooks into modules and optimisers."""
        self._handles += [
            hooks.register_module_forward_pre_hook(self._entered),
            hooks.register_module_forward_hook(self._left, always_call=True),
        ]
        for optimizer in self._optimizers:
            self._handles += [
                optimizer.register_step_pre_hook(self._begins),
                optimizer.register_step_post_hook(self._ends),
            ]

    def leave(self) -> None:
        """Takes all hooks away again."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _entered(self, module: Any, _given: Any) -> None:
        self._stack.append(module)

    def _left(self, module: Any, _given: Any, _made: Any) -> None:
        while self._stack and self._stack.pop() is not module:
            pass
        if not self._stack and id(module) in self._paths:
            self._forward_done = True

    def _begins(self, *_given: Any) -> None:
        self._updating += 1
        for call in self.before_update:
            call()

    def _ends(self, *_given: Any) -> None:
        self._updating -= 1

    def spot(self, number: int | None) -> Spot:
        """Where the op runs that is dispatched now.

        Args:
            number: the number that its record will have; None where it has none.
        """
        recording = torch.is_grad_enabled()
        if self._updating and not recording:
            return Spot("update", self._path(), "", self._line())
        node = _node()
        if node is not None:
            self._backward_begun = True
            if self._stack:
                return Spot("backward", self._path(), node.name(), self._line(), None, True)
            module, source, forward = self._by_sequence.get(node._sequence_nr(), _NOWHERE)
            return Spot("backward", module, node.name(), self._line() if source is None else source, forward)
        module, line = self._path(), self._line()
        if recording:
            self._by_sequence.setdefault(_sequence() - 1, (module, line, number))
        return Spot(self._phase(), module, "", line)

    def seen(self) -> None:
        """A view is dispatched now: it has no record, and a node of the backward pass if it has one at all."""
        recording = torch.is_grad_enabled()
        if self._updating and not recording:
            return
        if _node() is not None:
            self._backward_begun = True
        elif recording and (sequence := _sequence() - 1) not in self._by_sequence:
            self._by_sequence[sequence] = self._path(), self._line(), None

    def moved(self, number: int) -> None:
        """The op that was going to have a number has the next one: another is written down before it."""
        for sequence, (module, line, forward) in self._by_sequence.items():
            if forward == number:
                self._by_sequence[sequence] = module, line, number + 1

    def _phase(self) -> str:
        if self._updating:
            return "update"
        if any(id(one) in self._paths for one in self._stack):
            return "forward"
        if torch.is_grad_enabled():
            return "loss" if self._forward_done else "forward"
        return "update" if self._backward_begun else "forward"

    def _path(self) -> str:
        if not self._stack:
            return ""
        one = self._stack[-1]
        return self._paths.get(id(one), type(one).__name__)

    def _line(self) -> int | None:
        frame: FrameType | None = sys._getframe(3)
        while frame is not None:
            theirs = _THEIRS.get(frame.f_code.co_filename)
            if theirs is None:
                theirs = _THEIRS[frame.f_code.co_filename] = _is_theirs(frame.f_code.co_filename)
            if theirs:
                break
            frame = frame.f_back
        if frame is None or frame.f_code.co_filename.startswith("<frozen"):
            return None
        key = (frame.f_code.co_filename, frame.f_code.co_name, frame.f_lineno)
        found = self._lines.get(key)
        if found is None:
            found = self._lines[key] = len(self.sources)
            code = frame.f_code
            text = linecache.getline(code.co_filename, frame.f_lineno, frame.f_globals).strip()
            self.sources.append(
                Source(file=code.co_filename, line=frame.f_lineno, function=code.co_name, text=text[:500])
            )
        return found


_THEIRS: dict[str, bool] = {}
"""Of each file that code ran from whether it is the user's."""


def _is_theirs(file: str) -> bool:
    """Whether a file is the user's: neither PyTorch's nor ours nor of the standard library."""
    return not file.startswith(_NOT_THEIRS)
