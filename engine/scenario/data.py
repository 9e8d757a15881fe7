"""The samples of a scenario: inline, from a CSV file, or from an NPZ file."""

from __future__ import annotations

import gzip
import math
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.losses import LOSSES
from retrograde.engine.errors import EngineError, Problem, ScenarioError
from retrograde.engine.scenario.dataset import Dataset, Samples
from retrograde.engine.scenario.sequences import alphabet, length_complaints, steps_of, window_starts
from retrograde.engine.scenario.sequences import shown as shown_characters
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Data, Goal, Scenario

MAX_BYTES = 512 * 2**20
"""The largest data file, after it is decompressed, and the largest set of samples in memory."""
MAX_PROBLEMS = 20
"""Problems of one data file that are reported; after that they repeat."""
SUFFIXES = (".csv", ".csv.gz", ".npz")

_MAX_LINE = 4 * 2**20
_MAX_HEADER = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A value that a sample may not have; row and column from 0, column None for the whole row."""

    row: int
    column: int | None
    of: str
    message: str


def load_data(scenario: Scenario) -> Dataset:
    """Return the samples of a scenario; read-only arrays that every call shares.

    Raises:
        ScenarioError: the file of samples is missing or malformed.
        EngineError: the scenario was made by hand and its samples do not fit together.
    """
    if scenario._dataset is None or scenario._dataset[0] is not scenario.data:
        network, data = scenario.network, scenario.data
        goals = scenario.goals
        steps = steps_of(network.inputs, network.input_shape)
        indices = scenario.vocabulary is not None
        samples = read_samples(data, scenario.data_path, steps=steps, targets=bool(goals), indices=indices)
        positions = goals[0].positions if len(goals) == 1 else 1
        faults = [
            *shape_faults(samples, data, network.inputs, sum(goal.width for goal in goals), positions),
            *goal_faults(samples.targets, goals, data.class_count, positions, samples.lengths),
            *length_faults(samples.lengths, steps),
            *index_faults(samples.inputs, scenario.vocabulary),
        ]
        if faults:
            raise EngineError(faults[0].message)
        scenario._dataset = (data, finish(samples, data, positions))
    return scenario._dataset[1]


def read_samples(
    data: Data, path: Path | None, shown: str = "", *, steps: int = 0, targets: bool = True, indices: bool = False
) -> Samples:
    """Return the samples as they are written.

    Args:
        data: the `[data]` table.
        path: the file, None for inline samples.
        shown: how problems name the file.
        steps: the number of time steps of the inputs, for the windows of a text.
        targets: whether the samples have targets.
        indices: whether the characters of a text are indices, and not one-hot.

    Raises:
        ScenarioError: the file is missing or malformed, with each row that is.
    """
    if path is None:
        return inline_samples(data, steps, indices=indices)
    shown = shown or str(path)
    if path.name.lower().endswith(".npz"):
        return _read_npz(data, path, shown, targets=targets)
    return _read_csv(data, path, shown)


def inline_samples(data: Data, steps: int = 0, *, indices: bool = False) -> Samples:
    """Return the samples that the scenario itself holds; both tables must be rectangular."""
    if data.text is not None:
        return _windows(data.text, steps, data.stride, indices=indices)
    # Without inputs or without targets there are as many samples as there are rows of the other, and one of neither.
    count = len(data.inputs or data.targets or ((),))
    inputs = np.zeros((count, 0)) if data.inputs is None else np.array(data.inputs, dtype=np.float64, ndmin=2)
    return Samples(
        inputs=inputs,
        targets=np.zeros((count, 0)) if data.targets is None else targets_array(data),
        numbers=np.arange(1, len(inputs) + 1),
        lengths=lengths_array(data),
    )


def lengths_array(data: Data) -> NDArray[np.float64] | None:
    """Return the inline lengths of sequences, (samples,); None where there are none."""
    return None if data.lengths is None else np.array(data.lengths, dtype=np.float64)


def _windows(text: str, steps: int, stride: int | None, *, indices: bool) -> Samples:
    """Return the windows of a text, and the characters that follow each of theirs.

    The characters are one-hot, (samples, steps · characters), or indices, (samples, steps).
    """
    characters = alphabet(text)
    codes = {character: number for number, character in enumerate(characters)}
    numbers = np.array([codes[character] for character in text])
    places = np.array(window_starts(text, steps, stride))[:, None] + np.arange(steps)
    inputs = numbers[places].astype(np.float64)
    if not indices:
        inputs = np.eye(len(characters))[numbers[places]].reshape(len(places), -1)
    targets = numbers[places + 1].astype(np.float64)
    return Samples(inputs=inputs, targets=targets, numbers=np.arange(1, len(inputs) + 1))


def targets_array(data: Data) -> NDArray[np.float64]:
    """Return the inline targets, (samples, columns); class indices are one column, or one a position."""
    targets = np.array(data.targets or [], dtype=np.float64)
    return targets[:, None] if targets.ndim == 1 else targets


def shape_faults(
    samples: Samples, data: Data, inputs: int | None, outputs: int | None, positions: int | None = 1
) -> Iterator[Fault]:
    """Yield what is wrong with the widths of samples that came from a file.

    Args:
        samples: the samples.
        data: the `[data]` table.
        inputs: the number of inputs, None where it is not known.
        outputs: the width of the targets, None where it is not known.
        positions: how many class indices a sample has, one a time step of a sequence; None where it is not known.
    """
    if inputs is not None and samples.inputs.shape[1] != inputs:
        message = _("{found} input columns for {wanted} inputs (network.inputs)")
        yield Fault(
            row=-1,
            column=None,
            of="inputs",
            message=message.format(found=samples.inputs.shape[1], wanted=inputs),
        )
    columns = samples.targets.shape[1]
    if data.class_count is not None:
        # Of a text, what follows each character is there whether the network says it at each step or at the last.
        if positions is not None and columns != positions and data.text is None:
            message = (
                _("{found} target columns, but class indices are one column")
                if positions == 1
                else _("{found} target columns, but there are {wanted} class indices, one a step")
            )
            yield Fault(row=-1, column=None, of="targets", message=message.format(found=columns, wanted=positions))
    elif outputs is not None and columns != outputs:
        message = _("{found} target columns for {wanted} units of the last layer; for class indices give classes")
        yield Fault(row=-1, column=None, of="targets", message=message.format(found=columns, wanted=outputs))


def goal_faults(
    targets: NDArray[np.float64],
    goals: Sequence[Goal],
    classes: int | None,
    positions: int | None = 1,
    lengths: NDArray[np.float64] | None = None,
) -> Iterator[Fault]:
    """Yield the targets that a loss cannot have; each of several losses looks at its own columns.

    Args:
        targets: the targets as they are written, (samples, columns).
        goals: what the losses compare with, in the order of the columns.
        classes: see ``target_faults``.
        positions: see ``target_faults``.
        lengths: see ``target_faults``.
    """
    if len(goals) <= 1:
        yield from target_faults(targets, goals[0].kind if goals else None, classes, positions, lengths)
        return
    first = 0
    for goal in goals:
        columns = targets[:, first : first + goal.width]
        for fault in target_faults(columns, goal.kind, None, goal.positions, lengths):
            column = None if fault.column is None else fault.column + first
            yield Fault(row=fault.row, column=column, of=fault.of, message=fault.message)
        first += goal.width


def target_faults(
    targets: NDArray[np.float64],
    loss: str | None,
    classes: int | None,
    positions: int | None = 1,
    lengths: NDArray[np.float64] | None = None,
) -> Iterator[Fault]:
    """Yield the targets that are no class index, no distribution or no probability, where they must be.

    Args:
        targets: the targets as they are written, (samples, columns).
        loss: the kind of the loss.
        classes: the number of classes, None where targets are no class indices.
        positions: how many distributions a sample has, one a time step of a sequence; None where it is not known.
        lengths: (samples,), how many of them count; None where all do.
    """
    wanted = LOSSES[loss].targets if loss else "numbers"
    if classes is not None:
        wrong = (targets < 0) | (targets >= classes) | (targets != np.floor(targets))
        message = _("{value} is not a class index; with classes = {classes} they go from 0 to {last}")
        for row, column in _first(wrong):
            text = message.format(value=_number(targets[row, column]), classes=classes, last=classes - 1)
            yield Fault(row=row, column=column, of="targets", message=text)
    elif wanted == "distributions":
        message = _("the target {value} is negative; cross_entropy needs a distribution: 0 or more, with the sum 1")
        for row, column in _first(targets < 0):
            text = message.format(value=_number(targets[row, column]))
            yield Fault(row=row, column=column, of="targets", message=text)
        if positions is None or targets.shape[1] % positions:
            return
        with np.errstate(over="ignore"):
            sums = targets.reshape(len(targets), positions, -1).sum(axis=2)
        wrong = ~(np.abs(sums - 1.0) <= 1e-9)
        if lengths is not None and len(lengths) == len(targets):
            # What fills a sequence up has no loss.
            wrong &= np.arange(positions) < lengths[:, None]
        message = _("the targets add up to {value}; cross_entropy needs a distribution: 0 or more, with the sum 1")
        for row, position in _first(wrong):
            yield Fault(row=row, column=None, of="targets", message=message.format(value=_number(sums[row, position])))
    elif wanted == "probabilities":
        message = _("the target {value} is not a probability; {loss} needs targets from 0 to 1")
        for row, column in _first((targets < 0) | (targets > 1)):
            text = message.format(value=_number(targets[row, column]), loss=loss)
            yield Fault(row=row, column=column, of="targets", message=text)


def length_faults(lengths: NDArray[np.float64] | None, steps: int | None) -> Iterator[Fault]:
    """Yield the lengths, (samples,), that are none."""
    if lengths is not None:
        for row, message in islice(length_complaints(lengths.tolist(), steps), MAX_PROBLEMS):
            yield Fault(row=row, column=None, of="lengths", message=message)


def index_faults(inputs: NDArray[np.float64], vocabulary: int | None) -> Iterator[Fault]:
    """Yield the inputs, (samples, inputs), that are no index of a vocabulary; none where they are numbers."""
    if vocabulary is None:
        return
    wrong = (inputs < 0) | (inputs >= vocabulary) | (inputs != np.floor(inputs))
    message = _("{value} is not an index; with vocabulary = {vocabulary} they go from 0 to {last}")
    for row, column in _first(wrong):
        text = message.format(value=_number(inputs[row, column]), vocabulary=vocabulary, last=vocabulary - 1)
        yield Fault(row=row, column=column, of="inputs", message=text)


def finish(samples: Samples, data: Data, positions: int | None = 1) -> Dataset:
    """Return the samples as the network sees them: scaled, with one-hot targets.

    Args:
        samples: the samples.
        data: the `[data]` table.
        positions: how many class indices a sample has: the last so many that there are.

    Raises:
        EngineError: an input is not finite after scaling.
    """
    inputs = scaled(samples.inputs, data)
    targets = samples.targets
    if data.class_count is not None:
        indices = targets[:, -(positions or 1) :].astype(np.int64)
        targets = np.zeros((*indices.shape, data.class_count))
        np.put_along_axis(targets, indices[..., None], 1.0, axis=2)
        targets = targets.reshape(len(indices), -1)
    names = data.class_names or (() if data.text is None else shown_characters(alphabet(data.text)))
    lengths = None if samples.lengths is None else samples.lengths.astype(np.int64)
    return Dataset(inputs=_sealed(inputs), targets=_sealed(targets), class_names=names, lengths=lengths)


def scaled(inputs: NDArray[np.float64], data: Data) -> NDArray[np.float64]:
    """Return the inputs, (samples, inputs), as the network sees them.

    Raises:
        EngineError: an input is not finite after scaling.
    """
    with np.errstate(all="ignore"):
        if data.divide_inputs_by is not None:
            inputs = inputs / data.divide_inputs_by
        if data.standardise:
            spread = inputs.std(axis=0)
            # Rounding leaves a constant column a spread of an ulp or so, which would blow its noise up to 1.
            constant = inputs.max(axis=0) == inputs.min(axis=0)
            inputs = np.where(constant, 0.0, (inputs - inputs.mean(axis=0)) / np.where(constant, 1.0, spread))
    wrong = next(_first(~np.isfinite(inputs)), None)
    if wrong is not None:
        message = _("input {column} of sample {row} is not finite after scaling")
        raise EngineError(message.format(column=wrong[1] + 1, row=wrong[0] + 1))
    return inputs


def ranges(text: str) -> list[tuple[int, int]]:
    """Return the pieces of `1-4,7` as (first, last), from 1, ends included.

    Raises:
        EngineError: a piece starts at 0 or runs backwards.
    """
    pieces = []
    for piece in text.split(","):
        first, dash, last = piece.partition("-")
        start = int(first)
        end = int(last) if dash else start
        if start < 1:
            raise EngineError(_("{piece}: counting starts at 1").format(piece=piece.strip()))
        if end < start:
            raise EngineError(_("{piece}: the end comes before the start").format(piece=piece.strip()))
        pieces.append((start, end))
    return pieces


def width(text: str) -> int:
    """Return how many columns or rows `1-4,7` names."""
    return sum(last - first + 1 for first, last in ranges(text))


def _sealed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    sealed = np.array(values, dtype=np.float64, order="C")
    sealed.flags.writeable = False
    return sealed


def _number(value: Any) -> str:
    return format(float(value), ".15g")


def _first(wrong: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    rows, columns = np.nonzero(wrong)
    for row, column in islice(zip(rows, columns, strict=True), MAX_PROBLEMS):
        yield int(row), int(column)


def _indices(text: str, available: int, key: str, what: str, shown: str) -> NDArray[np.int64]:
    """Return the indices, from 0, that `1-4,7` names among those that are available."""
    pieces = ranges(text)
    highest = max(last for _first, last in pieces)
    if highest > available:
        message = _("{what} {number} is asked for, but there are only {available}")
        raise ScenarioError(
            [
                Problem(
                    path=shown,
                    key=key,
                    message=message.format(what=what, number=highest, available=available),
                )
            ]
        )
    if sum(last - first + 1 for first, last in pieces) > MAX_BYTES // 8:
        raise ScenarioError([_too_large(shown)])
    return np.concatenate([np.arange(first - 1, last) for first, last in pieces])


def _too_large(shown: str) -> Problem:
    message = _("more than {limit} MiB of samples; use fewer rows or columns")
    return Problem(path=shown, key="data.file", message=message.format(limit=MAX_BYTES // 2**20))


def _unreadable(shown: str, reason: object) -> ScenarioError:
    message = _("the file cannot be read: {reason}").format(reason=reason)
    return ScenarioError([Problem(path=shown, key="data.file", message=message)])


# ------------------------------------------------------------------------------------------------ CSV


def _read_csv(data: Data, path: Path, shown: str) -> Samples:
    try:
        if path.name.lower().endswith(".gz"):
            with gzip.open(path, "rb") as stream:
                table, lines = _csv_table(stream, data.skip_rows, shown)
        else:
            with path.open("rb") as plain:
                table, lines = _csv_table(plain, data.skip_rows, shown)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(shown, error) from error
    numbers = np.arange(len(table))
    if data.rows is not None:
        numbers = _indices(data.rows, len(table), "data.rows", _("row"), shown)
    columns = table.shape[1]
    found: dict[str, NDArray[np.int64]] = {}
    problems: list[Problem] = []
    for key, text in (("input_columns", data.input_columns), ("target_columns", data.target_columns)):
        try:
            found[key] = _indices(text, columns, f"data.{key}", _("column"), shown) if text else np.arange(0)
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    lengths: NDArray[np.float64] | None = None
    if data.length_column is not None and not problems:
        column = _indices(str(data.length_column), columns, "data.length_column", _("column"), shown)
        lengths = table[numbers, column[0]]
    taken = len(numbers) * sum(len(indices) for indices in found.values())
    if taken > MAX_BYTES // 8:
        raise ScenarioError([_too_large(shown)])
    return Samples(
        inputs=table[np.ix_(numbers, found["input_columns"])],
        targets=table[np.ix_(numbers, found["target_columns"])],
        numbers=numbers + 1,
        lines=lines[numbers],
        lengths=lengths,
    )


def _csv_table(
    stream: IO[bytes] | gzip.GzipFile, skip: int, shown: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return all values (rows, columns) and the line of each row; nothing is read beyond the limit."""
    values = array("d")
    lines = array("q")
    problems: list[Problem] = []
    columns = 0
    read = 0
    for number, line in enumerate(iter(lambda: stream.readline(_MAX_LINE), b""), start=1):
        read += len(line)
        if read > MAX_BYTES or len(values) > MAX_BYTES // 8 or len(line) >= _MAX_LINE:
            raise ScenarioError([_too_large(shown)])
        if number <= skip or not line.strip():
            continue
        cells = line.split(b",")
        if not columns:
            columns = len(cells)
        if len(cells) != columns:
            message = _("row {row} has {found} columns, the first row has {wanted}")
            problems.append(
                Problem(
                    path=shown,
                    line=number,
                    key="data.file",
                    message=message.format(row=len(lines) + 1, found=len(cells), wanted=columns),
                )
            )
        else:
            numbers = _cells(cells)
            if numbers is None:
                problems += _cell_problems(cells, shown, number, len(lines) + 1, skip)
            else:
                values.extend(numbers)
        lines.append(number)
        if len(problems) > MAX_PROBLEMS:
            problems[MAX_PROBLEMS:] = [
                Problem(
                    path=shown,
                    key="data.file",
                    message=_("there may be more; the first {count} are shown").format(count=MAX_PROBLEMS),
                )
            ]
            break
    if problems:
        raise ScenarioError(problems)
    if not lines:
        message = _("there are no samples in the file after {skip} skipped lines") if skip else _("the file is empty")
        raise ScenarioError([Problem(path=shown, key="data.file", message=message.format(skip=skip))])
    table = np.frombuffer(values, dtype=np.float64).reshape(len(lines), columns)
    return table, np.frombuffer(lines, dtype=np.int64)


def _cells(cells: list[bytes]) -> list[float] | None:
    """Return the numbers of a row, None if one is none."""
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return None
    # Python reads 1_000 as a number; in a data file it is a mistake.
    return numbers if all(map(math.isfinite, numbers)) and not any(b"_" in cell for cell in cells) else None


def _cell_problems(cells: list[bytes], shown: str, line: int, row: int, skip: int) -> Iterator[Problem]:
    column = 1
    for number, cell in enumerate(cells, start=1):
        if _cells([cell]) is None:
            text = cell.decode("utf-8", "replace").strip()
            if not text:
                message = _("row {row}, column {column}: the cell is empty; a number is needed")
            elif text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
                message = _("row {row}, column {column}: {text} is not finite")
            else:
                message = _("row {row}, column {column}: {text} is not a number")
            if row == 1 and not skip and text:
                message += _("; if the first line is a heading, say skip_rows = 1")
            shortened = repr(text if len(text) <= 30 else text[:29] + "…")
            yield Problem(
                path=shown,
                line=line,
                column=column,
                key="data.file",
                message=message.format(row=row, column=number, text=shortened),
            )
        column += len(cell.decode("utf-8", "replace")) + 1


# ------------------------------------------------------------------------------------------------ NPZ


def _read_npz(data: Data, path: Path, shown: str, *, targets: bool) -> Samples:
    try:
        with zipfile.ZipFile(path) as archive:
            inputs = _npz_array(archive, data.input_key or "inputs", "input_key", shown)
            if targets:
                goals = _npz_array(archive, data.target_key or "targets", "target_key", shown)
            else:
                goals = np.zeros((len(inputs), 0))
            lengths = None if data.length_key is None else _npz_array(archive, data.length_key, "length_key", shown)
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise _unreadable(shown, error) from error
    inputs = inputs.reshape(len(inputs), -1)
    goals = goals.reshape(len(goals), -1) if goals.size else goals
    if len(inputs) != len(goals):
        message = _("{inputs} rows of inputs, but {targets} rows of targets")
        text = message.format(inputs=len(inputs), targets=len(goals))
        raise ScenarioError([Problem(path=shown, key="data.file", message=text)])
    if lengths is not None and lengths.shape != (len(inputs),):
        message = _("{inputs} rows of inputs, but lengths of the shape {lengths}; a number per sample is needed")
        text = message.format(inputs=len(inputs), lengths=lengths.shape)
        raise ScenarioError([Problem(path=shown, key="data.length_key", message=text)])
    numbers = np.arange(len(inputs))
    if data.rows is not None:
        numbers = _indices(data.rows, len(inputs), "data.rows", _("row"), shown)
    return Samples(
        inputs=inputs[numbers],
        targets=goals[numbers],
        numbers=numbers + 1,
        lengths=None if lengths is None else lengths[numbers],
    )


def _npz_array(archive: zipfile.ZipFile, name: str, key: str, shown: str) -> NDArray[np.float64]:
    def problem(message: str) -> ScenarioError:
        return ScenarioError([Problem(path=shown, key=f"data.{key}", message=message)])

    known = [member.removesuffix(".npy") for member in archive.namelist() if member.endswith(".npy")]
    if name not in known:
        message = _("there is no array {name} in the file; it has: {known}")
        raise problem(message.format(name=name, known=", ".join(known[:20]) or _("no arrays")))
    # The header is read first: the shape that it states is allocated before any data is read.
    with archive.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        if version not in {(1, 0), (2, 0)}:
            raise problem(_("array {name} has an unknown version of the NPY format").format(name=name))
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _order, dtype = header(stream, max_header_size=_MAX_HEADER)
    if dtype.kind not in "biuf":
        raise problem(_("array {name} holds {dtype}; numbers are needed").format(name=name, dtype=dtype))
    if not shape or 0 in shape:
        raise problem(
            _("array {name} has the shape {shape}; a row per sample is needed").format(name=name, shape=shape)
        )
    if math.prod(shape) * 8 > MAX_BYTES:
        raise ScenarioError([_too_large(shown)])
    if math.prod(shape) * dtype.itemsize > archive.getinfo(f"{name}.npy").file_size:
        raise problem(_("array {name} is cut off").format(name=name))
    with archive.open(f"{name}.npy") as stream:
        values = np.lib.format.read_array(stream, allow_pickle=False)
    numbers = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(numbers.reshape(len(numbers), -1)).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite)) + 1
        raise problem(_("row {row} of array {name} has a value that is not finite").format(row=row, name=name))
    return numbers
