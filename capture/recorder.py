"""The recorder: every op that PyTorch dispatches in a step, with what it read and what it made."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from retrograde.engine.errors import EngineError
from retrograde.engine.recording.again import RECIPES
from retrograde.engine.recording.aten.reading import base_name
from retrograde.engine.recording.aten.table import DRAWN, EMPTY
from retrograde.engine.recording.form import Group, OptimizerRecord
from retrograde.engine.recording.writing import RecordingWriter
from retrograde.torch.compiling import as_written, is_compiled, uncompiled
from retrograde.torch.noting import Note, result, window
from retrograde.torch.places import Spot, Whereabouts
from retrograde.torch.ranks import WRITTEN, arrived, members, own_path
from retrograde.torch.repeating import Guess, Repeating
from retrograde.torch.saving import DEFAULT_LIMIT, Kept, save
from retrograde.torch.storing import Storing
from retrograde.torch.tensors import Again, Memory, Place, has_memory

_SKIPPED = frozenset({"profiler", "prim", "prims"})
"""Namespaces whose ops compute nothing."""
_ALIASES = frozenset({"_unsafe_view", "unsafe_split", "unsafe_split_with_sizes", "unsafe_chunk", "_reshape_alias"})
"""Views that their schema does not call views."""
_RESHAPED = frozenset(
    ["as_strided", "detach", "resize", "set", "squeeze", "swapaxes", "swapdims", "t", "transpose", "unsqueeze"]
)
"""What in-place ops change no number."""
_UNREAD = frozenset({"copy", "fill", "zero"}) | DRAWN
"""In-place ops that do not read what they write over."""
_HIDDEN: dict[str, tuple[str, ...]] = {"native_batch_norm": ("running_mean", "running_var")}
"""Arguments that are written to though the schema does not say so, while training."""


_SELDOM = 50_000
"""So many records are made before any is looked at as garbage: nearly all of them stay."""
_PLAIN = frozenset({bool, int, float, str})
"""What is written down as it is."""


class Recorder(TorchDispatchMode):
    """Writes down each op; what it is given and what comes back are passed on as they are.

    Attributes:
        calls: the ops so far.
        storing: where their numbers go.
        memory: the versions of all tensors.
        repeating: what need not be stored.
        places: where ops run.
        notes: what a reader should know.
        device: what the tensors were on.
        optimizers: the optimisers with their settings before the step.
    """

    def __init__(self, file: RecordingWriter, models: list[Any], optimizers: list[Any]) -> None:
        super().__init__()
        self.calls: list[Note] = []
        self.storing = Storing(file)
        self.memory = Memory(self.storing.store, self._join)
        self.repeating = Repeating(self.memory)
        self.places = Whereabouts(models, optimizers)
        self.places.before_update.append(self._name_gradients)
        self.notes: list[str] = []
        self.device = "cpu"
        self._named: list[tuple[str, Any]] = []
        self._optimizers = optimizers
        for number, model in enumerate(models):
            root = "" if len(models) == 1 else f"model{number + 1}."
            for name, tensor in model.named_parameters():
                self.memory.introduce(tensor, root + name, "parameter")
                self._named.append((root + name, tensor))
            for name, tensor in model.named_buffers():
                self.memory.introduce(tensor, root + name, "buffer")
        self._models = models
        for name, of, tensor in self._state():
            self.memory.introduce(tensor, name, "state", of)
        for name, tensor in self._named:
            if tensor.grad is not None:
                self.memory.introduce(tensor.grad, f"old(grad({name}))", "state", name)
        self.optimizers = [_settings(one, self._named) for one in optimizers]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Else PyTorch loads its compiler, which takes seconds, only to be told not to compile this."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an op, and write it down."""
        del types
        plan = _PLANS.get(id(func)) or _planned(func)
        if plan.skipped or plan.view:
            if plan.view:
                self.places.seen()
            return func(*args, **kwargs) if kwargs else func(*args)
        spot = self.places.spot(len(self.calls))
        given = plan.named(args, kwargs)
        written = plan.written(given)
        base = plan.base
        if plan.reserves or (written and base in _RESHAPED):
            made = func(*args, **kwargs) if kwargs else func(*args)
            self._reserved(base, given)
            return made
        running = _Running(plan, spot, given, written, self._read(base, given, written))
        guesses = self._guesses(running) if written and plan.repeats else ()
        made = func(*args, **kwargs) if kwargs else func(*args)
        if plan.exchanges:
            arrived(made)
            running.arguments.update(members(given))
        results: list[Note] = []
        if plan.makes:
            results += self._made(running, made)
        if written:
            results += self._changed(running, guesses)
        if results:
            self._note(plan.op, running.arguments, results, spot)
        return made

    def _guesses(self, running: _Running) -> Sequence[Guess | None]:
        """What an op in place should make, found while what it reads is as it was."""
        if len(running.written) != 1:
            return ()
        (one,) = running.written.values()
        listed = isinstance(one, list | tuple)
        return [
            self.repeating.guess(running.plan.base, running.given, running.arguments, tensor, item if listed else None)
            for item, tensor in enumerate(one if listed else [one])
        ]

    def _note(self, op: str, arguments: dict[str, Any], results: list[Note], spot: Spot) -> None:
        phase, module, node, source, forward, recomputed = spot
        call: Note = {"op": op, "phase": phase}
        if module:
            call["module"] = module
        if node:
            call["node"] = node
        if source is not None:
            call["source"] = source
        if forward is not None:
            call["forward"] = forward
        call["arguments"] = arguments
        call["results"] = results
        if recomputed:
            call["recomputed"] = True
        self.calls.append(call)

    def _reserved(self, base: str, given: dict[str, Any]) -> None:
        """Of memory that was set to something else, nothing is known any more."""
        tensor = given.get("self")
        if base in {"resize", "set"} and isinstance(tensor, torch.Tensor) and has_memory(tensor):
            self.memory.forget(tensor)

    def _read(self, base: str, given: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
        """The arguments as they are written down, with the tensors as they are before the op runs."""
        found: dict[str, Any] = {}
        for name, one in given.items():
            if one is None or type(one) in _PLAIN:
                found[name] = one
                continue
            unread = name in written and (base in _UNREAD or name.startswith("out"))
            if unread or type(one) is not torch.Tensor or not one.is_cpu or not has_memory(one):
                found[name] = self._encoded(one, unread)
            else:
                found[name] = self.memory.read(one)
        return found

    def _encoded(self, one: Any, unread: bool) -> Any:
        if isinstance(one, torch.Tensor):
            if not has_memory(one):
                return f"{one.layout} {tuple(one.shape)}"
            if not one.is_cpu:
                self.device = str(one.device)
            if unread:
                self._before_writing(one)
                return None
            return self.memory.read(one)
        if isinstance(one, list | tuple):
            return [self._encoded(part, unread) for part in one]
        if one is None or isinstance(one, bool | int | float | str):
            return one
        return str(one)

    def _join(self, tensor: Any, place: Place, parts: list[Note]) -> None:
        """Notes that memory which was written in pieces is read as a whole, as the gradients of a bucket are."""
        # It comes before the op that reads, which has a number already.
        self.places.moved(len(self.calls))
        spot = self.places.spot(None)
        number = self.memory.take(tensor, place, name=_name(spot, "joined", 0), kind="made")
        size = place.region.stop - place.region.start
        flat = window(number, 0, (size,), (1,))
        made = result(0, None, flat, None)
        self._note("retrograde.joined", {"tensors": parts}, [made], spot)

    def _before_writing(self, tensor: Any) -> None:
        """Copies memory of which an op is going to write a part, and whose rest is not known."""
        region = self.memory.place(tensor).region
        if not region.versions and tensor.numel() != region.stop - region.start:
            self.memory.read(tensor)

    def _made(self, running: _Running, made: Any) -> Iterator[Note]:
        """The results that are new tensors."""
        base, returned, lists = running.plan.base, running.plan.returned, running.plan.lists
        several = made if isinstance(made, tuple) and len(returned) > 1 else (made,)
        for position, one in enumerate(several):
            if position < len(returned) and returned[position]:
                continue
            tensors = one if isinstance(one, list | tuple) else (one,)
            for item, tensor in enumerate(tensors):
                if not isinstance(tensor, torch.Tensor) or not has_memory(tensor):
                    continue
                lies = self.memory.fresh(tensor)
                if lies is None:
                    continue
                place = 0 if lists else position if len(tensors) == 1 else item
                kind = "drawn" if base in DRAWN or (base == "native_dropout" and position == 1) else "made"
                again = None
                if running.plan.repeats and place == 0 and kind == "made" and not running.written:
                    again = self._again(running, several, tensor, lies, item if lists else None)
                self.memory.take(tensor, lies, name=_name(running.spot, base, place), kind=kind, again=again)
                yield result(place, item if lists else None, lies.shown(), None)

    def _again(
        self, running: _Running, several: Sequence[Any], tensor: Any, place: Place, item: int | None
    ) -> Again | None:
        if tensor.numel() != place.region.stop - place.region.start:
            return None
        given = running.given | {f"result{n}": other for n, other in enumerate(several) if n}
        guess = self.repeating.guess(running.plan.base, given, running.arguments, tensor, item)
        return self.repeating.held(guess, tensor)

    def _changed(self, running: _Running, guesses: Sequence[Guess | None]) -> Iterator[Note]:
        """The results that are new versions of what was there."""
        base = running.plan.base
        first = len(running.plan.returned) if base in _HIDDEN else 0
        for position, one in enumerate(running.written.values(), first):
            listed = isinstance(one, list | tuple)
            for item, tensor in enumerate(one if listed else [one]):
                if isinstance(tensor, torch.Tensor) and has_memory(tensor):
                    guess = guesses[item] if item < len(guesses) and position == 0 else None
                    to, old = self._version(tensor, base, running.spot, guess)
                    yield result(position, item if listed else None, to, old)

    def _version(self, tensor: Any, base: str, spot: Spot, guess: Guess | None) -> tuple[Note, int | None]:
        """A new version of what was there: what shows it, and the old one where its other elements stay."""
        place = self.memory.place(tensor)
        region, whole = place.region, place.whole
        old = region.versions[-1] if region.versions else None
        name = _name(spot, base, 0) if old is None else self.memory.versions[old].name.partition("~")[0]
        mark = "" if old is None else f"~{len(region.versions)}"
        kind = "drawn" if base in DRAWN else "made"
        again = self.repeating.held(guess, tensor) if whole and kind == "made" else None
        self.memory.take(tensor, place, name=name + mark, kind=kind, again=again)
        self.memory.written(tensor, region)
        return place.shown(), None if whole else old

    def _state(self) -> Iterator[tuple[str, str, Any]]:
        """The optimisers' memory: its name, the parameter that it belongs to, and the tensor."""
        names = {id(tensor): name for name, tensor in self._named}
        for optimizer in self._optimizers:
            for parameter, state in optimizer.state.items():
                of = names.get(id(parameter), "")
                for key, one in state.items() if isinstance(state, dict) else ():
                    if isinstance(one, torch.Tensor) and of:
                        yield f"{key}({of})", of, one

    def _name_gradients(self) -> None:
        for name, parameter in self._named:
            if parameter.grad is not None and has_memory(parameter.grad):
                self._name_versions(parameter.grad, f"grad({name})", name, last=False)

    def _name_versions(self, tensor: Any, name: str, of: str, *, last: bool = True) -> None:
        region = self.memory.find(tensor)
        if region is None:
            return
        for place, number in enumerate(region.versions):
            newest = last and place and place == len(region.versions) - 1
            mark = f"~{place}" if place else ""
            self.memory.rename(number, f"new({name})" if newest else name + mark, of)

    def finish(self) -> None:
        """Gives the versions the names of the parameters and of the optimiser's memory that they are of."""
        self._name_gradients()
        for name, tensor in self._named:
            self._name_versions(tensor, name, name)
        for number, model in enumerate(self._models):
            root = "" if len(self._models) == 1 else f"model{number + 1}."
            for name, tensor in model.named_buffers():
                self._name_versions(tensor, root + name, root + name)
        for name, of, tensor in self._state():
            self._name_versions(tensor, name, of)


def _settings(optimizer: Any, named: Sequence[tuple[str, Any]]) -> OptimizerRecord:
    """What an optimiser is told, group by group."""
    names = {id(tensor): name for name, tensor in named}
    groups = []
    for group in optimizer.param_groups:
        settings = {key: _setting(one) for key, one in group.items() if key != "params"}
        parameters = [names[id(one)] for one in group["params"] if id(one) in names]
        groups.append(Group(parameters=parameters, settings=settings))
    return OptimizerRecord(name=type(optimizer).__name__, groups=groups)


def _setting(one: Any) -> Any:
    if one is None or isinstance(one, bool | int | float | str):
        return one
    if isinstance(one, list | tuple) and all(isinstance(part, bool | int | float | str) for part in one):
        return list(one)
    return str(one)[:200]


class _Plan(NamedTuple):
    """What is known of an operator before it is called.

    Attributes:
        func: the operator, which lives as long as the plan does.
        op: its full name.
        base: its name in the table.
        skipped: whether it computes nothing.
        view: whether it only looks at its operand otherwise.
        reserves: whether it only gives memory.
        repeats: whether there is arithmetic that makes its results again.
        makes: whether a result may be a new tensor.
        exchanges: the argument that an exchange between ranks writes to; None where it is none.
        hides: arguments that it writes to in training, which its schema does not say.
        lists: whether it goes over lists of tensors.
        returned: of each result whether it is an operand.
        names: its arguments.
        defaults: their defaults.
        writes: those that it writes to.
    """

    func: Any
    op: str
    base: str
    skipped: bool
    view: bool
    reserves: bool
    repeats: bool
    makes: bool
    exchanges: str | None
    hides: tuple[str, ...]
    lists: bool
    returned: tuple[bool, ...]
    names: tuple[str, ...]
    defaults: dict[str, Any]
    writes: tuple[str, ...]

    def named(self, args: Sequence[Any], kwargs: dict[str, Any] | None) -> dict[str, Any]:
        """All arguments by name, defaults filled in."""
        found = self.defaults.copy()
        found.update(zip(self.names, args, strict=False))
        if kwargs:
            found.update(kwargs)
        return found

    def written(self, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments that the op writes to."""
        names = self.writes
        if self.hides and given.get("training"):
            names += self.hides
        if self.exchanges is not None and self.exchanges not in names:
            names += (self.exchanges,)
        return {name: one for name in names if (one := given[name]) is not None}


_PLANS: dict[int, _Plan] = {}
"""The plans so far, by the identity of their operators, whose hash takes long."""


def _planned(func: Any) -> _Plan:
    op = str(func)
    base, schema = base_name(op), func._schema
    marks = [one.alias_info for one in schema.returns]
    returned = tuple(mark is not None for mark in marks)
    found = _PLANS[id(func)] = _Plan(
        func=func,
        op=op,
        base=base,
        skipped=func.namespace in _SKIPPED,
        view=base in _ALIASES or any(mark is not None and not mark.is_write for mark in marks),
        reserves=base in EMPTY,
        repeats=base in RECIPES,
        makes=not all(returned) or not returned,
        exchanges=WRITTEN.get(op),
        hides=_HIDDEN.get(base, ()),
        lists="_foreach_" in op,
        returned=returned,
        names=tuple(one.name for one in schema.arguments),
        defaults={one.name: one.default_value for one in schema.arguments},
        writes=tuple(one.name for one in schema.arguments if one.alias_info is not None and one.alias_info.is_write),
    )
    return found


class _Running(NamedTuple):
    """An op while it runs: what it is given, what of that it writes to, and its arguments as they are written down."""

    plan: _Plan
    spot: Spot
    given: dict[str, Any]
    written: dict[str, Any]
    arguments: dict[str, Any]


def _name(spot: Spot, base: str, position: int) -> str:
    """What a result is called until something better is known: ``fc1.addmm``, ``SqrtBackward0.div``."""
    where = spot.node.rpartition("::")[2] or spot.module or spot.phase
    return f"{where}.{base}" if position == 0 else f"{where}.{base}:{position}"


class record:  # noqa: N801 - a context manager, called as a function is
    """Records one training step: `with rg.record("step.rgrec", model, optimizer): ...`.

    The step runs as it would: the same ops, the same bits. What happens in the block is one step, in whatever way it is
    written: forward, loss, backward, clipping, update. An error in it is passed on; what ran until then is in the file.

    Args:
        path: the file that is written, as `step.rgrec`; of several ranks each has its own, as `step.rank1.rgrec`.
        parts: the modules and the optimisers of the step, for names and phases; none is needed.
        modules: paths of modules, as `blocks.3`: only numbers that ops in these touch are in the file.
        values: whether numbers are in the file at all; without them it holds ops, shapes and summaries.
        limit: bytes of numbers that are in the file at most; those nearest to the first op that is not finite are kept
            (else gradients first), and summaries of the rest.
    """

    def __init__(
        self,
        path: str | Path,
        *parts: Any,
        modules: Sequence[str] = (),
        values: bool = True,
        limit: int = DEFAULT_LIMIT,
    ) -> None:
        self._path = own_path(Path(path))
        models = [one for one in parts if isinstance(one, torch.nn.Module)]
        optimizers = [one for one in parts if isinstance(one, torch.optim.Optimizer)]
        wrong = [one for one in parts if not isinstance(one, torch.nn.Module | torch.optim.Optimizer)]
        if wrong:
            raise TypeError(f"record takes modules and optimisers, not {type(wrong[0]).__name__}")
        self._parts = models
        models = [as_written(one) for one in models]
        known = {path for model in models for path, _one in model.named_modules()}
        if lost := [one for one in modules if one not in known]:
            raise ValueError(f"there is no module {lost[0]!r}; there are {', '.join(sorted(known - {''})[:20])}")
        if not self._path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {self._path.parent}")
        self._kept = Kept(modules=tuple(modules), values=values, limit=limit)
        self._models, self._optimizers = models, optimizers
        self._recorder: Recorder | None = None

    def __enter__(self) -> Self:
        file = RecordingWriter(self._path)
        # Thousands of records are about to be made. What was there before need not be looked through for garbage each
        # time that some have come.
        self._frozen = gc.get_freeze_count() == 0
        if self._frozen:
            gc.freeze()
        self._often = gc.get_threshold()
        if 0 < self._often[0] < _SELDOM:
            gc.set_threshold(_SELDOM, *self._often[1:])
        self._scope = ExitStack()
        try:
            self._recorder = Recorder(file, self._models, self._optimizers)
            self._recorder.places.know(self._parts)
            if any(map(is_compiled, self._parts)):
                self._recorder.notes.append("what was compiled ran as it was written; compiled, its bits may differ")
            self._scope.enter_context(uncompiled(self._parts))
            self._recorder.places.watch()
            self._recorder.__enter__()
        except BaseException:
            self._scope.close()
            self._thaw()
            file.abandon()
            raise
        return self

    def _thaw(self) -> None:
        gc.set_threshold(*self._often)
        if self._frozen:
            gc.unfreeze()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        recorder = self._recorder
        assert recorder is not None
        try:
            try:
                recorder.__exit__(kind, error, trace)
            finally:
                recorder.places.leave()
                self._scope.close()
            if error is not None:
                recorder.notes.append(f"the step ended with {type(error).__name__}: {error}"[:500])
            recorder.finish()
            self._save(recorder)
        except (EngineError, OSError) as failure:
            # The error of the step itself says more than that its recording could not be written.
            if error is None:
                raise OSError(str(failure)) from None
        finally:
            self._thaw()
            recorder.storing.file.abandon()

    def _save(self, recorder: Recorder) -> None:
        if recorder.storing.failure is not None:
            raise EngineError(f"cannot be written: {recorder.storing.failure}: {self._path}")
        save(
            self._path,
            recorder.storing.file,
            recorder.memory.versions,
            calls=recorder.calls,
            sources=recorder.places.sources,
            notes=recorder.notes,
            device=recorder.device,
            optimizers=recorder.optimizers,
            kept=self._kept,
        )
