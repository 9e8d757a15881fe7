"""Watching a long training: the loop as it was, over `rg.watch(loader, ...)`, and the first bad step is recorded.

A NaN stays where it came to: in a parameter, or in the optimiser's memory. So the state is looked at now and then,
which costs next to nothing; and when it is broken, the last checkpoint is put back and the loop's own body runs the
same batches again, looked at after each step, and once more to record the step that did it.
"""

from __future__ import annotations

import contextlib
import math
import struct
import sys
from collections.abc import Generator, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from retrograde.engine import text as texts
from retrograde.engine.text import _
from retrograde.torch.checkpoints import Checkpoint, Parts, checksum
from retrograde.torch.checks import Alarm, Limits, Vitals
from retrograde.torch.ranks import agreed, own_path, rank
from retrograde.torch.recorder import record
from retrograde.torch.replay import KEEP, WAYS, Tape
from retrograde.torch.report import BadStepError, Report

_BACK = 3
"""Steps that are recorded of a jump: the one that was alarmed at, and those before it, to see what is new."""


class _Again(NamedTuple):
    """What came of running the batches again.

    Attributes:
        alarms: what was found, at the last of its steps.
        differs: the first step that did not run as it did before; None where all did.
        same: how many steps ran as before, as far as that is known.
    """

    alarms: list[Alarm]
    differs: int | None
    same: int


class watch:  # noqa: N801 - used as a function is, in the head of a loop
    """Goes over a loader and watches the training: `for x, y in rg.watch(loader, model, optimizer): ...`.

    After a hit the body of the loop runs again over batches that it has seen, with everything put back that was passed
    in; then the step that did it is recorded, said on stderr, and `BadStepError` is raised in the head of the loop.

    Args:
        loader: whatever gives the batches.
        parts: everything that a step changes and that has a `state_dict`: modules, optimisers, scalers, schedulers;
            also generators of random numbers. None is left out.
        out: the file of the bad step.
        every: how many steps lie between two looks at the state.
        checkpoint: how many steps between two checkpoints; one is also made where a pass begins.
        loss_jump: a loss so many times larger than all before it is an alarm; None for none.
        grad_jump: the same of the norm of the gradients, which is then computed at every step; None for none.
        batches: "keep" holds the batches since the checkpoint; "copy" copies of them, for loops that change them;
            "draw" holds none and draws them again from the loader.
        then: "raise", or "stop" to let the loop end as if the loader had.
        recording: what `rg.record` takes besides: `modules`, `values`, `limit`.

    Attributes:
        step: the step that runs, from 1, counted on from pass to pass; while steps run again it goes back with them.
        replaying: whether steps run again: printing and logging of one's own can be left out then.
        report: what was found; None while nothing was.
    """

    def __init__(
        self,
        loader: Any,
        *parts: Any,
        out: str | Path = "first-nan.rgrec",
        every: int = 50,
        checkpoint: int = 1000,
        loss_jump: float | None = 100.0,
        grad_jump: float | None = None,
        batches: str = KEEP,
        then: str = "raise",
        **recording: Any,
    ) -> None:
        texts.use()
        for name, one in {"every": every, "checkpoint": checkpoint}.items():
            if one < 1:
                raise ValueError(f"{name} has to be at least 1, not {one}")
        if batches not in WAYS or then not in {"raise", "stop"}:
            raise ValueError(f"batches is one of {', '.join(WAYS)}, then is raise or stop; not {batches!r}, {then!r}")
        self.step = 0
        self.replaying = False
        self.report: Report | None = None
        self._loader, self._every, self._apart = loader, every, checkpoint
        self._batches, self._raises = batches, then == "raise"
        self._parts = Parts(parts)
        self._named = [*self._parts.models, *self._parts.optimizers]
        self._recording: Mapping[str, Any] = recording
        # Wrong settings are refused before the training begins, not when it has failed.
        record(out, *self._named, **recording)
        self._out = own_path(Path(out))
        self._vitals = Vitals(self._parts, Limits(loss=loss_jump, gradient=grad_jump))
        self._checkpoint = Checkpoint(self._parts)
        self._saved = 0
        self._sums: dict[int, Any] = {}
        self._running = False

    def __len__(self) -> int:
        return len(self._loader)

    @property
    def skipped(self) -> int:
        """How many steps the scaler of gradients has skipped so far, as it is meant to."""
        return self._vitals.skipped

    def loss(self, loss: Any) -> None:
        """Says which number is the loss; else it is what `backward()` is called on."""
        self._vitals.told(loss)

    def __iter__(self) -> Iterator[Any]:
        if self._running:
            raise RuntimeError("another loop goes over this watch")
        if self.report is not None:
            return
        self._running = True
        self._vitals.begin()
        if not self.step:
            self._vitals.excuse()
        try:
            yield from self._pass()
        except GeneratorExit:
            self._left()
            raise
        finally:
            self._vitals.leave()
            self._vitals.turn(loud=False)
            self.replaying = self._running = False
            for path in self._temporary():
                path.unlink(missing_ok=True)
        self._over()

    def _over(self) -> None:
        if self.report is not None and self._raises:
            raise BadStepError(self.report)

    def _pass(self) -> Generator[Any, None, None]:
        """One pass over the loader; ends where it does, or with a report."""
        tape = Tape(self._loader, self._batches, self._parts.generators)
        self._checkpoint.begin()
        self._save(tape)
        for batch in tape.onward():
            self.step += 1
            yield batch
            self._vitals.mark(self.step)
            due = self.step - self._saved >= self._apart
            if due or (self.step - self._saved) % self._every == 0:
                yield from self._looked(tape)
                if self.report is not None:
                    return
            if due:
                self._save(tape)
        yield from self._looked(tape)

    def _looked(self, tape: Tape) -> Generator[Any, None, None]:
        """A look at the last steps; where something is wrong, all that follows from it."""
        alarms, losses = self._vitals.read()
        self._vitals.log |= losses
        alarms += self._vitals.broken(self.step)
        self._sums[self.step] = self._checksum()
        if agreed(bool(alarms))[0]:
            yield from self._hunt(tape, alarms or [_elsewhere(self.step)])

    def _checksum(self) -> Any:
        return checksum([one.tensor for one in self._parts.floats()])

    def _save(self, tape: Tape) -> None:
        self._saved = self.step
        self._sums.clear()
        self._checkpoint.save()
        self._vitals.keep()
        tape.mark()

    def _hunt(self, tape: Tape, alarms: list[Alarm]) -> Generator[Any, None, None]:
        """Finds the step and records it, or says why it can not."""
        live = self.step
        message = _("step {step}: {what}; going back to step {saved}, the loop runs again from there")
        self._say(message.format(step=alarms[0].step, what=alarms[0].text, saved=self._saved))
        outcome = _Again([], None, 0)
        for way in tape.ways:
            outcome = yield from self._again(tape, way, live)
            if outcome.differs is None:
                break
            self._say(_not_reproducible(outcome.differs))
        if outcome.differs is None and outcome.alarms:
            yield from self._record(tape, way, live, outcome)
        else:
            yield from self._record_live(tape, way, live, outcome)

    def _again(
        self, tape: Tape, way: str, stop: int, wanted: Mapping[int, Path] | None = None
    ) -> Generator[Any, None, _Again]:
        """Runs the batches since the checkpoint again; to the first alarm, unless steps are to be recorded."""
        self._back()
        self._vitals.turn(loud=wanted is None)
        alarms: list[Alarm] = []
        same = 0
        for number, batch in enumerate(tape.again(way), self._saved + 1):
            if number > stop:
                break
            yield from self._once(number, batch, None if wanted is None else wanted.get(number))
            alarms, losses = self._vitals.read()
            if wanted is None:
                alarms += self._vitals.broken(number)
            alarmed, differs = agreed(bool(alarms), self._differs(number, losses))
            if differs:
                return _Again([], number, same)
            same += 1
            if alarmed and wanted is None:
                return _Again(alarms or [_elsewhere(number)], None, same)
        return _Again(alarms, None, same)

    def _back(self) -> None:
        """Everything as it was at the checkpoint."""
        self.replaying = True
        self._checkpoint.restore()
        self._vitals.back()

    def _once(self, number: int, batch: Any, target: Path | None) -> Generator[Any, None, None]:
        """One step again, recorded where there is a file for it."""
        self.step = number
        recorder = record(target, *self._named, **self._recording) if target else contextlib.nullcontext()
        with recorder:
            yield batch
        self._vitals.mark(number)

    def _differs(self, number: int, losses: dict[int, tuple[float, ...]]) -> bool:
        """Whether a step ran otherwise than it did before."""
        before = self._vitals.log.get(number)
        if before is not None and not _same(before, losses[number]):
            return True
        sums = self._sums.get(number)
        if sums is None:
            return False
        now = self._checksum()
        return bool(now.shape != sums.shape or (now != sums).any())

    def _record(self, tape: Tape, way: str, live: int, outcome: _Again) -> Generator[Any, None, None]:
        """Runs once more up to the step of an alarm, and records it."""
        alarm = outcome.alarms[0]
        steps = [alarm.step]
        if alarm.jump:
            steps = [one for one in range(alarm.step - _BACK + 1, alarm.step + 1) if one > self._saved]
        files = {one: self._beside(one) for one in steps}
        again = yield from self._again(tape, way, alarm.step, files)
        if again.differs is None:
            self._tell(alarm, files, outcome.same, None)
        else:
            self._say(_not_reproducible(again.differs))
            yield from self._record_live(tape, way, live, again)

    def _record_live(self, tape: Tape, way: str, live: int, outcome: _Again) -> Generator[Any, None, None]:
        """Records every step from the checkpoint on, and on over new batches, until something is wrong again."""
        self._back()
        self._vitals.turn(loud=True)
        files: dict[int, Path] = {}
        for number, batch in enumerate(chain(tape.again(way), tape.onward()), self._saved + 1):
            files[number] = self._beside(number)
            yield from self._once(number, batch, files[number])
            self.replaying = number < live
            for old in [one for one in files if one <= number - _BACK]:
                files.pop(old).unlink(missing_ok=True)
            alarms, _losses = self._vitals.read()
            alarms += self._vitals.broken(number)
            if agreed(bool(alarms))[0]:
                self._tell((alarms or [_elsewhere(number)])[0], files, outcome.same, outcome.differs or number)
                return
            if number >= live + self._apart:
                break
        self._vitals.turn(loud=False)
        self.replaying = False
        self._say(_("it did not come again up to step {step}; watching goes on").format(step=self.step))
        self._save(tape)

    def _tell(self, alarm: Alarm, files: Mapping[int, Path], same: int, differs: int | None) -> None:
        """Makes the report, and says it."""
        # What reads a recording takes its time to load: no training waits for it.
        from retrograde.torch.verdict import verdict

        if rank() is not None and not alarm.jump:
            # What other ranks brought is read from their files: all of them have to be in their places.
            files[alarm.step].replace(self._out)
            files = {alarm.step: self._out}
            agreed(True)
        self.report = verdict(
            alarm, files, self._out, same=same, differs=differs, skipped=self.skipped, loss=self._vitals.sees_loss
        )
        self._say(str(self.report))

    def _beside(self, step: int) -> Path:
        """Where a step is recorded before it is known whether it is the one."""
        return self._out.with_name(f".{self._out.stem}.{step}{self._out.suffix}")

    def _temporary(self) -> list[Path]:
        return list(self._out.parent.glob(f".{self._out.stem}.*{self._out.suffix}"))

    def _left(self) -> None:
        """The loop was left from inside: what it left behind can still be said, but not be run again."""
        self._vitals.drop()
        if self.report is None and not self.replaying and rank() is None and (broken := self._vitals.broken(self.step)):
            message = _("the loop was left in step {step}; {what}. Nothing is recorded: its body can not run again.")
            self._say(message.format(step=self.step, what=broken[0].text))

    @staticmethod
    def _say(text: str) -> None:
        number = rank()
        head = "retrograde" if number is None else f"retrograde, rank {number}"
        print(f"{head}: {text}", file=sys.stderr, flush=True)


def _elsewhere(step: int) -> Alarm:
    return Alarm(step=step, text=_("another rank has found something"))


def _not_reproducible(step: int) -> str:
    message = _("not reproducible from step {step} on: what ran again was not what ran before; see docs/pytorch.md")
    return message.format(step=step)


def _same(left: tuple[float, ...], right: tuple[float, ...]) -> bool:
    """Whether two rows of numbers have the same bits; one NaN is like another."""
    return len(left) == len(right) and all(
        struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
        for a, b in zip(left, right, strict=True)
    )
