"""A training as a plain program of another library, from the same numbers, a line for each array that is computed.

NumPy gets every line of the iteration: forward, loss, backward, update. Libraries that differentiate by themselves get
forward, loss and update; ``loss.backward()``, a ``GradientTape`` or ``jax.value_and_grad`` stands for the rest.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograde.engine.equations.array import Array, Phase, Role
from retrograde.engine.equations.expression import Function, Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.network.initial import legacy_stream
from retrograde.engine.ops.dropout import STREAM as DROPPED
from retrograde.engine.ops.dropout import Coins
from retrograde.engine.ops.gate import Collect
from retrograde.engine.ops.pool import Winner
from retrograde.engine.text import _
from retrograde.engine.travel.calendar import Schedule
from retrograde.engine.travel.order import STREAM
from retrograde.engine.writing.array_form import ArrayForm, NoFormError
from retrograde.engine.writing.dialects import BEFORE, NUMPY, Dialect, Pass, is_number
from retrograde.engine.writing.helpers import helpers
from retrograde.engine.writing.rates import Clock, dated

if TYPE_CHECKING:
    from retrograde.engine.network.network import Network
    from retrograde.engine.network.program import Program
    from retrograde.engine.ops.base import Op
    from retrograde.engine.ops.leaves import Dated

MOST_INLINE = 200
"""Numbers that stand in the program itself; more of them come from a file beside it."""
WIDTH = 110
"""Columns of a line of numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a program.

    Attributes:
        text: the line.
        makes: the name of the array that it computes; empty where it computes none.
    """

    text: str
    makes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A program.

    Attributes:
        lines: its lines.
        arrays: what a file beside it has to hold, by name; empty where all numbers are in the program.
    """

    lines: tuple[Line, ...]
    arrays: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The program as text."""
        return "\n".join(line.text for line in self.lines) + "\n"


def code_of(network: Network, dialect: Dialect = NUMPY, *, epochs: int | None = None, data: str = "") -> Code:
    """The training of a network as a program.

    Args:
        network: the network.
        dialect: the library.
        epochs: how many epochs it trains; by default the most that the scenario allows.
        data: the file with the numbers, where they are too many to stand in the program; empty where there is none.

    Raises:
        EngineError: the training has something that a plain program of whole arrays cannot say.
    """
    return _Writer(network, dialect, epochs or network.scenario.stop.epochs, data).code()


def line_of(program: Program, op: Op, dialect: Dialect) -> str:
    """The line of a program of whole arrays that makes what an op makes.

    Of a library that differentiates by itself, whatever makes the gradient of a parameter is one call, and what comes
    on the way to it has no line.

    Raises:
        NoFormError: there is no such line.
    """
    names = names_of(program.arrays)
    if op.phase is Phase.BACKWARD and dialect is not NUMPY:
        of = op.target.of
        if of is None or of not in program.state:
            raise NoFormError(_("{library} does this by itself").format(library=dialect.title))
        total = next(other.target for other in reversed(program.ops) if other.phase is Phase.LOSS)
        return dialect.call_of_gradient.format(total=names[total], of=names[of], gradient=names[op.target])
    data = names[program.data[0]] if program.data else ""
    return f"{names[op.target]} = {ArrayForm(dialect=dialect, names=names, functions={}, data=data).of(op)}"


def names_of(arrays: Sequence[Array]) -> dict[Array, str]:
    """What arrays are called in a program: ``grad(W_o)`` is ``grad_W_o``."""
    found: dict[Array, str] = {}
    for array in arrays:
        name = re.sub(r"\W+", "_", array.name).rstrip("_")
        name = f"_{name}" if keyword.iskeyword(name) or name[:1].isdigit() else name
        while name in found.values():
            name += "_"
        found[array] = name
    return found


class _Writer:
    """Writes one program."""

    def __init__(self, network: Network, dialect: Dialect, epochs: int, data: str) -> None:
        self.network, self.dialect, self.epochs, self.data = network, dialect, epochs, data
        self.schedule = Schedule(network)
        self.program = self.schedule.full
        names = names_of(self.program.arrays)
        self.names = names
        data = names[self.program.data[0]] if self.program.data else ""
        # A graph of numbers alone is computed with plain numbers.
        strict = any(layer.spec.kind != "graph" for layer in network.layers) or any(
            isinstance(op, Collect) for op in self.program.ops
        )
        self.form = ArrayForm(dialect=dialect, names=dict(names), functions={}, data=data, strict=strict)
        # Of one sample there are no means: what depends on the size of a batch shows with a larger one.
        uniform = self.schedule.last is self.program
        self._larger = self.program if uniform else network.program(2 * self.schedule.batch)
        larger = names_of(self._larger.arrays)
        self._larger_form = ArrayForm(dialect=dialect, names=larger, functions={}, data=data, strict=strict)
        self.by_hand = dialect is NUMPY
        self.arrays: dict[str, Any] = {}
        self._refuse()

    def _refuse(self) -> None:
        """Refuses what a plain program does not do."""
        if self._legacy and self._drawn is None:
            raise EngineError(
                _("the old generator of NumPy draws other initial values first, which a short program leaves out")
            )
        for leaf in self.program.dated:
            if not isinstance(leaf.source, Coins) and dated(leaf.source, self._clock) is None:
                message = _("{name} has other values in each iteration, which a short program leaves out")
                raise EngineError(message.format(name=leaf.array.name))
        if self.by_hand:
            return
        for op in self.program.ops:
            if op.phase is Phase.BACKWARD and any(array.role is Role.UPDATED for array in op.inputs):
                message = _("weights are updated while the error goes back, which {library} cannot say; NumPy can")
                raise EngineError(message.format(library=self.dialect.title))

    @property
    def _legacy(self) -> bool:
        return self.network.scenario.training.shuffle == "numpy-legacy"

    @property
    def _drawn(self) -> int | None:
        """Uniform numbers that the old generator gave before it shuffles: one a parameter or none; else None."""
        scenario = self.network.scenario
        wanted = legacy_stream(scenario).get_state(legacy=False)["state"]
        drawn = sum(array.size for array in self.network.parameters)
        for count in (0, drawn):
            stream = np.random.RandomState(self._seed)
            stream.random_sample(count)
            state = stream.get_state(legacy=False)["state"]
            if state["pos"] == wanted["pos"] and np.array_equal(state["key"], wanted["key"]):
                return count
        return None

    @property
    def _seed(self) -> int:
        """The seed of the old generator."""
        scenario = self.network.scenario
        early = scenario.network.init.generator == "numpy-legacy"
        return scenario.network.seed if early else scenario.training.seed

    def code(self) -> Code:
        """The whole program."""
        body = list(self._iteration())
        # What has a name by now may be imported.
        setup = [*self._data(), *self._parameters()]
        lines = [*self._head(), *setup, *self._functions(), *body, *self._end()]
        return Code(lines=tuple(map(_line, lines)), arrays=self.arrays)

    # -- before the iterations

    def _head(self) -> Iterator[str]:
        title, scenario = self.dialect.title, self.network.scenario
        yield f'"""{scenario.name}: the same training with {title}, from the same numbers."""'
        yield ""
        imports = list(self.dialect.imports)
        if self.dialect is not NUMPY and (self._large or self.schedule.shuffled or self.form.helpers or self._drops):
            imports.insert(0, "import numpy as np")
        if self._uses_math:
            imports.insert(0, "import math")
        yield from imports
        yield ""

    @property
    def _uses_math(self) -> bool:
        clocked = [dated(leaf.source, self._clock) or "" for leaf in self.program.dated]
        if any("math." in text for text in clocked):
            return True
        return self.dialect is NUMPY and any(function.name == "erf" for function in self._called())

    @property
    def _drops(self) -> bool:
        """Whether masks of dropout are drawn."""
        return any(isinstance(leaf.source, Coins) for leaf in self.program.dated)

    def _called(self) -> Iterator[Function]:
        from retrograde.engine.equations.expression import Call, children

        def calls(expr: Any) -> Iterator[Function]:
            if isinstance(expr, Call):
                yield expr.function
            for part in children(expr):
                yield from calls(part)

        for function in self.form.functions.values():
            if function.definition is not None:
                yield from calls(function.definition(Ref(_X)))

    @property
    def _inline(self) -> list[tuple[str, Any]]:
        """What the program starts from: data, parameters, memory, hyperparameters."""
        network, found = self.network, []
        for array, values in zip(self.program.data, network.columns, strict=True):
            found.append((self.names[array], np.reshape(values, (len(values), *array.element_shape))))
        for array, values in network.parameters.items():
            if array in self.names:
                found.append((self.names[array], np.reshape(values, array.shape)))
        memory = network.leaves.memory
        found += [(self.names[array], memory[array]) for array in self.program.state if array in memory]
        return found

    @property
    def _large(self) -> bool:
        return sum(np.size(values) for _name, values in self._inline) > MOST_INLINE

    def _data(self) -> Iterator[str]:
        yield "# the data"
        if self._large:
            if not self.data:
                count = sum(np.size(values) for _name, values in self._inline)
                message = _("{count} numbers are too many for a program; -o FILE.py writes them into a file beside it")
                raise EngineError(message.format(count=f"{count:,}"))
            self.arrays = {name: np.asarray(values) for name, values in self._inline}
            yield f'with np.load("{self.data}") as file:'
            yield "    numbers = dict(file)"
        for array, values in zip(self.program.data, self.network.columns, strict=True):
            shape = (len(values), *array.element_shape)
            yield from self._numbers(self._whole(array), np.reshape(values, shape), self.names[array])

    def _whole(self, array: Array) -> str:
        """What all rows of an array of the data are called; where every iteration has all, that is the array."""
        return (
            self.names[array]
            if self.schedule.per_epoch == 1 and not self.schedule.shuffled
            else f"all_{self.names[array]}"
        )

    def _parameters(self) -> Iterator[str]:
        network, memory = self.network, self.network.leaves.memory
        yield ""
        yield "# the parameters before training"
        for array, values in network.parameters.items():
            if array in self.names:
                yield from self._numbers(self.names[array], np.reshape(values, array.shape), self.names[array], array)
        for array in self.program.state:
            if array in memory:
                yield from self._numbers(self.names[array], memory[array], self.names[array])
        yield f"{self.names[network.rate]} = {float(network.scenario.training.learning_rate)!r}"
        for array, values in network.leaves.hyper.items():
            if array in self.names:
                written = _written(values)
                # TensorFlow makes 32 bits of a number of Python where it has no other to go by.
                plain = not np.ndim(values) and self.dialect.name != "tensorflow"
                yield f"{self.names[array]} = {written if plain else self.dialect.array.format(written)}"

    def _numbers(self, name: str, values: Any, key: str, parameter: Array | None = None) -> Iterator[str]:
        trained = parameter is not None and parameter in set(self.network.trainable)
        made = self.dialect.variable if trained and self.dialect.variable else self.dialect.array
        if self._large:
            yield f"{name} = {made.format(f'numbers[{key!r}]')}".replace("'", '"')
            return
        text = f"{name} = {made.format(_written(values))}"
        if len(text) <= WIDTH or np.ndim(values) < 2:
            yield text
            return
        # A row a line.
        before, after = made.split("{}")
        yield f"{name} = {before}["
        yield from (f"    {_written(row)}," for row in values)
        yield f"]{after}"

    def _functions(self) -> Iterator[str]:
        writer = ArrayForm(dialect=self.dialect, names={_X: "x"}, functions={})
        waiting = list(self.form.functions)
        writer.functions.update(self.form.functions)
        for name in waiting:
            definition = writer.functions[name].definition
            assert definition is not None
            # Functions in it have the names that they have in the lines.
            yield from ("", "", f"def {name}(x):", f"    return {writer.formula(definition(Ref(_X)))}")
            # What it calls itself has to be defined, too.
            waiting += [other for other in writer.functions if other not in waiting]
        yield from helpers(self.dialect.name, self.form.helpers)
        if self.form.functions or self.form.helpers:
            yield ""

    # -- an iteration

    def _iteration(self) -> Iterator[str | Line]:
        schedule = self.schedule
        steps = {phase: [op for op in self.program.ops if op.phase is phase] for phase in Phase}
        before = [*steps[Phase.FORWARD], *steps[Phase.LOSS]]
        if not self.by_hand:
            # The library remembers by itself who won a window.
            before = [op for op in before if not isinstance(op, Winner)]
        lines = self._autodiff(before, steps[Phase.UPDATE]) if not self.by_hand else self._plain()
        body = list(lines)
        if BEFORE in body:
            split = body.index(BEFORE)
            yield from body[:split]
            body = body[split + 1 :]
        yield ""
        if self._legacy:
            yield f"np.random.seed({self._seed})"
            if self._drawn:
                yield f"np.random.random_sample({self._drawn})  # the parameters were drawn first"
            yield f"order = np.arange({schedule.samples})"
        yield f"for epoch in range(1, {self.epochs + 1}):"
        indent = "    "
        if self._legacy:
            # Each epoch shuffles the order that the one before left.
            yield f"{indent}shuffled = np.arange({schedule.samples})"
            yield f"{indent}np.random.shuffle(shuffled)"
            yield f"{indent}order = order[shuffled]"
        elif schedule.shuffled:
            key = (STREAM << 64) | self.network.scenario.training.seed
            words = f"np.random.Philox(key={key}, counter=[0, 0, 0, epoch - 1]).random_raw({schedule.samples})"
            yield f"{indent}order = np.argsort({words})"
        if schedule.per_epoch > 1:
            yield f"{indent}for start in range(0, {schedule.samples}, {schedule.batch}):"
            indent += "    "
        if schedule.per_epoch > 1 or schedule.shuffled:
            stop = f"start + {schedule.batch}"
            rows = f"start:{stop}" if schedule.per_epoch > 1 else ":"
            rows = f"order[{rows}]" if schedule.shuffled else rows
            for array in self.program.data:
                yield f"{indent}{self.names[array]} = {self.dialect.rows(self._whole(array), rows)}"
        for leaf in self.program.dated:
            yield from (indent + line for line in self._dated(leaf))
        for line in body:
            if isinstance(line, Line):
                yield Line(text=indent + line.text if line.text else "", makes=line.makes)
            else:
                yield indent + line if line else ""

    @property
    def _clock(self) -> Clock:
        """How the program says what time it is."""
        schedule = self.schedule
        return Clock(per_epoch=schedule.per_epoch, iteration=f"start // {schedule.batch}")

    def _dated(self, leaf: Dated) -> Iterator[str]:
        """A leaf that has other values in each iteration."""
        if isinstance(leaf.source, Coins):
            yield from self._coins(leaf, leaf.source)
            return
        number = dated(leaf.source, self._clock)
        yield f"{self.names[leaf.array]} = {number if self.by_hand else self.dialect.array.format(number)}"

    def _coins(self, leaf: Dated, source: Coins) -> Iterator[str]:
        """The mask of dropout in an iteration, from the same random numbers."""
        number = self._clock.whole
        key = (DROPPED << 64) | source.seed
        counter = f"counter=[0, {source.time}, {source.layer}, {number}]"
        count = self.dialect.counted.format(self.names[self.program.data[0]])
        shape = ", ".join([count, *map(str, source.shape[1:])])
        yield f"generator = np.random.Generator(np.random.Philox(key={key}, {counter}))"
        mask = f"np.where(generator.random(({shape})) < {source.rate!r}, 0.0, 1.0)"
        yield f"{self.names[leaf.array]} = {mask if self.by_hand else self.dialect.array.format(mask)}"

    def _right_side(self, form: ArrayForm, op: Op) -> str:
        """The right side of a line; where the way back is cut, a library gets the value alone."""
        if self.by_hand or not op.cut:
            return form.of(op)
        cut = {array: self.dialect.cut.format(form.names[array]) for array in op.cut if array in form.names}
        return replace(form, names={**form.names, **cut}).of(op)

    def _assigned(self, op: Op) -> Line:
        text = self._right_side(self.form, op)
        if self.schedule.last is not self.schedule.full:
            text = self._of_any_batch(op, text)
        if self.by_hand and op.target.batched and is_number(text):
            # What is the same for all samples, as ∂E/∂E, is still one number for each.
            shape = ", ".join([self.form.count, *map(str, op.target.element_shape)])
            text = f"np.full(({shape},), {float(text)!r})"
        return Line(text=f"{self.names[op.target]} = {text}", makes=op.target.name)

    def _of_any_batch(self, op: Op, text: str) -> str:
        """The formula for a batch of any size: the number of samples in it is asked for where it is divided by."""
        full, last = self.schedule.full, self._larger
        larger = self._right_side(self._larger_form, last.ops[full.ops.index(op)])
        parts, others = (re.split(r"(?<![\w.])(\d+(?:\.\d+)?)(?![\w.])", one) for one in (text, larger))
        if len(parts) != len(others):
            raise self.form.refusal(op)
        for place, (part, other) in enumerate(zip(parts, others, strict=True)):
            if part == other:
                continue
            whole = part.isdigit() and other.isdigit()
            counts = [int(one) if whole else _unbiased(one) for one in (part, other)]
            # Of one value alone there is no unbiased variance.
            alone = not whole and counts[0] == full.batch and self.schedule.last.batch == 1
            if alone or not counts[0] or counts[0] % full.batch or counts[0] * last.batch != counts[1] * full.batch:
                raise self.form.refusal(op)
            each = counts[0] // full.batch
            count = self.dialect.counted.format(self.names[self.program.data[0]])
            many = count if each == 1 else f"{each} * {count}"
            if whole:
                parts[place] = many if each == 1 else f"({many})"
            else:
                parts[place] = f"({many} / ({many} - 1))"
        return "".join(parts)

    def _plain(self) -> Iterator[str | Line]:
        """Every line of the iteration, in the order of the program."""
        phase: Phase | None = None
        for op in self.program.ops:
            if op.phase is not phase:
                phase = op.phase
                yield f"# {phase.value}"
            yield self._assigned(op)
        yield from self._handed_on()

    def _autodiff(self, before: Sequence[Op], update: Sequence[Op]) -> Iterator[str | Line]:
        """Forward and loss, what differentiates them, and the update."""
        trained = [array for array in self.network.trainable if array in self.names]
        gradients = {array: f"grad({array.name})" for array in trained}
        known = {array.name: array for array in self.program.arrays}
        names = [self.names[array] for array in trained]
        made = [known[gradients[array]] for array in trained if gradients[array] in known]
        trained = [array for array in trained if gradients[array] in known]
        self._only(update, made)
        names = [self.names[array] for array in trained]
        forward = [Line(text="# forward and loss"), *map(self._assigned, before)]
        total = self.names[before[-1].target]
        read = {array for op in update for array in op.inputs} | set(self.program.updates)
        one = Pass(
            forward=forward,
            total=total,
            trained=names,
            gradients=[self.names[array] for array in made],
            data=[self.names[array] for array in (*self.program.data, *(leaf.array for leaf in self.program.dated))],
            also=[self.names[op.target] for op in before[:-1] if op.target in read],
        )
        yield from self.dialect.differentiated(one, Line)
        lines = [Line(text="# update"), *map(self._assigned, update), *map(_line, self._handed_on())]
        yield from self.dialect.updated(lines, Line)

    def _only(self, update: Sequence[Op], gradients: Sequence[Array]) -> None:
        """Refuses an update that reads of the way back more than the gradients of parameters."""
        backward = {op.target for op in self.program.ops if op.phase is Phase.BACKWARD} - set(gradients)
        for op in update:
            for array in op.inputs:
                if array in backward:
                    message = _("{name} is computed on the way back, which {library} does by itself; NumPy shows it")
                    raise EngineError(message.format(name=array.name, library=self.dialect.title))

    def _handed_on(self) -> Iterator[str | Line]:
        yield "# for the next iteration"
        for array, updated in zip(self.program.state, self.program.updates, strict=True):
            trained = array in set(self.network.trainable)
            yield self.dialect.assigned(self.names[array], self.names[updated], trained=trained)

    def _end(self) -> Iterator[str]:
        total = next(op.target for op in reversed(self.program.ops) if op.phase is Phase.LOSS)
        yield ""
        yield f'print("{self.names[total]} =", {self.dialect.scalar.format(self.names[total])})'
        for array in self.network.trainable:
            if array in self.names:
                name = self.names[array]
                yield f'print("{name} =", {self.dialect.listed.format(name)})'


_X = Array(name="x", shape=(), role=Role.VALUE)


def _line(text: str | Line) -> Line:
    return text if isinstance(text, Line) else Line(text=text)


def _unbiased(text: str) -> int:
    """The n of which a number is n / (n − 1), as the factor of an unbiased variance is; 0 of any other."""
    value = float(text)
    count = round(value / (value - 1)) if value > 1 else 0
    return count if count > 1 and count / (count - 1) == value else 0


def _written(values: Any) -> str:
    """Numbers as Python writes them, with all their digits."""
    listed = np.asarray(values).tolist()
    return re.sub(r"\b(inf|nan)\b", r'float("\1")', repr(listed))
