"""Scenario files: read, check and report everything that is wrong at once."""

from __future__ import annotations

import difflib
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from retrograde.engine.errors import EngineError, Problem, ScenarioError
from retrograde.engine.layers.base import MAX_LAYERS, Distribution, KeyPath, Layer, LayerInit
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.layers.table import KINDS
from retrograde.engine.scenario.catalogue import folder, shipped
from retrograde.engine.scenario.locate import LocateError, Positions, line_and_column, locate
from retrograde.engine.scenario.models import (
    Data,
    Expectation,
    LossTable,
    NetworkInit,
    NetworkTable,
    Scenario,
    StopTable,
    TextTable,
    Variant,
    layer_names,
    vocabulary_of,
)
from retrograde.engine.scenario.rules.all import Finding, Parts, broken_rules, sample_rules, training_rules
from retrograde.engine.scenario.training import RateSchedule, Training
from retrograde.engine.text import _

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from retrograde.engine.scenario.dataset import Samples

__all__ = [
    "Data",
    "Distribution",
    "Expectation",
    "Layer",
    "LayerInit",
    "LossTable",
    "NetworkInit",
    "NetworkTable",
    "Scenario",
    "StopTable",
    "TextTable",
    "Training",
    "Variant",
    "load_scenario",
    "parse_scenario",
    "schema",
    "shipped",
    "split_variant",
]

MAX_FILE_BYTES = 2**20
"""The largest scenario file: everything in it is read, checked and located within a second."""
MAX_PROBLEMS = 100
"""Problems of one file that are reported one by one."""
MAX_FINDINGS = 1000
"""Problems of one file that are looked at; a file with more is not a scenario."""

# tomllib copies a dotted key for each of its parts, and calls itself for each bracket.
_KEY_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_DEEP_KEY = re.compile(rf"{_KEY_PART}(?:[ \t]*+\.[ \t]*+{_KEY_PART}){{12}}")
_VARIANT = re.compile(r"(.+):([A-Za-z][A-Za-z0-9_-]*)", re.DOTALL)
_LONG_NUMBER = re.compile(r"[0-9_]{400}")
_SYNTAX = re.compile(
    r"^(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL
)

_Model = TypeVar("_Model", bound=BaseModel)


def load_scenario(source: str | Path, *, data: Path | None = None) -> Scenario:
    """Return a scenario, complete and checked, with its samples.

    Args:
        source: the name of a scenario that ships, or a file; the name of a variant may follow it: `race:adam`.
        data: a file of samples that replaces `data.file`; unlike that, it may be anywhere.

    Raises:
        ScenarioError: with every problem that was found.
    """
    source, variant = split_variant(source)
    path, shown = _find(source)
    text = _read(path, shown)
    scenario = _parse(text, shown, path, data, variant)
    scenario._path = path
    scenario._name = path.stem if variant is None else f"{path.stem}:{variant}"
    return scenario


def split_variant(source: str | Path) -> tuple[str | Path, str | None]:
    """Return the name or file of a scenario, and the variant that follows it behind a colon, if one does."""
    match = None if isinstance(source, Path) else _VARIANT.fullmatch(source)
    if match is None or not (match[1] in shipped() or match[1].endswith(".toml")):
        return source, None
    return match[1], match[2]


def parse_scenario(text: str, *, name: str = "scenario", variant: str | None = None) -> Scenario:
    """Return the scenario that a TOML text describes, or a variant of it; its samples must be inline.

    Raises:
        ScenarioError: with every problem that was found.
    """
    scenario = _parse(text, f"{name}.toml", None, None, variant)
    scenario._name = name
    return scenario


def schema() -> dict[str, Any]:
    """Return the JSON Schema of scenario files, for editors."""
    found = Scenario.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **found,
        "title": "Retrograde scenario",
    }


# ------------------------------------------------------------------------------------------------ files


def _find(source: str | Path) -> tuple[Path, str]:
    """Return the file of a scenario, and how problems name it."""
    if isinstance(source, Path):
        return source, str(source)
    if "\0" in source:
        raise ScenarioError([Problem(path=repr(source), message=_("there is no such scenario"))])
    names = shipped()
    if source in names:
        return folder() / f"{source}.toml", f"{source}.toml"
    if source.endswith(".toml") or "/" in source or "\\" in source or Path(source).is_file():
        return Path(source), source
    near = difflib.get_close_matches(source, names, n=3, cutoff=0.5)
    message = _("there is no such scenario")
    if near:
        message += _("; did you mean {names}?").format(names=_(" or ").join(near))
    else:
        message += _("; `retrograde list` shows those that ship")
    raise ScenarioError([Problem(path=source, message=message)])


def _read(path: Path, shown: str) -> str:
    def refuse(message: str, line: int | None = None, column: int | None = None) -> ScenarioError:
        return ScenarioError([Problem(path=shown, line=line, column=column, message=message)])

    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise refuse(_("this is not a file"))
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise refuse(_("there is no such file")) from error
    except (OSError, ValueError) as error:
        raise refuse(_("the file cannot be read: {reason}").format(reason=error)) from error
    if len(content) > MAX_FILE_BYTES:
        message = _("the file has more than {limit} MiB; put samples into a data file")
        raise refuse(message.format(limit=MAX_FILE_BYTES // 2**20))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        line, column = line_and_column(before, len(before))
        raise refuse(_("this byte is not UTF-8; save the file as UTF-8"), line, column) from error


def _data_file(data: Data, path: Path | None) -> Path:
    """Return the file of samples, inside the folder of the scenario.

    Raises:
        EngineError: it is outside, or not a file.
    """
    name = data.file or ""
    if path is None:
        raise EngineError(_("a scenario without a file has no data file; give its samples inline"))
    pieces = {*PurePosixPath(name).parts, *PureWindowsPath(name).parts}
    if ".." in pieces or PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor or "\0" in name:
        message = _("{file} leads outside the folder of the scenario; only files in it or below are read")
        raise EngineError(message.format(file=name))
    home = path.parent.resolve()
    try:
        # A scenario that is itself a link belongs where it leads.
        real = (path.resolve().parent / name).resolve()
        if not real.is_relative_to(path.resolve().parent) and not real.is_relative_to(home):
            message = _("{file} is a link that leads outside the folder of the scenario; only files in it are read")
            raise EngineError(message.format(file=name))
        status = real.stat()
    except FileNotFoundError as error:
        raise EngineError(_("there is no file {file} beside the scenario").format(file=name)) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise EngineError(_("{file} cannot be read: {reason}").format(file=name, reason=error)) from error
    if not stat.S_ISREG(status.st_mode):
        raise EngineError(_("{file} is not a file").format(file=name))
    return real


# ------------------------------------------------------------------------------------------------ content


def _parse(text: str, shown: str, path: Path | None, override: Path | None, variant: str | None = None) -> Scenario:
    # Positions count lines as editors do, and tomllib counts them so too.
    text = text.replace("\r\n", "\n")
    content = _toml(text, shown)
    report = _Report(text, shown)
    scenario: Scenario | None = None
    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        report.extend(_finding(detail) for detail in details[:MAX_FINDINGS] if not _hollow(detail))
    parts = _whole(scenario) if scenario is not None else _pieces(content)
    report.extend(broken_rules(parts))
    if not report.too_large:
        _samples(scenario, parts, report, path, override)
    if scenario is not None and not report.broken:
        _check_variants(scenario, parts, report)
    report.fail()
    if scenario is None:
        raise AssertionError("an invalid scenario without a problem")
    if variant is not None:
        try:
            scenario = scenario.varied(variant)
        except EngineError as error:
            raise ScenarioError([Problem(path=shown, message=str(error))]) from error
    return scenario.completed()


def _check_variants(scenario: Scenario, parts: Parts, report: _Report) -> None:
    """Check the training of every variant as if it stood in ``[training]``."""
    names: set[str] = set()
    for number, variant in enumerate(scenario.variants):
        if variant.name in names:
            message = _("two variants are called {name}").format(name=variant.name)
            report.add(Finding(path=("variants", number, "name"), message=message))
        names.add(variant.name)
        found: list[Finding] = []
        try:
            training = Training.model_validate(variant.table(scenario.training))
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                detail["loc"] = ("training", *detail["loc"])
                found.append(_finding(detail))
        else:
            varied = replace(parts, training=training)
            found += training_rules(varied)
            if scenario._dataset is not None:
                found += sample_rules(varied, len(scenario._dataset[1].inputs))
        report.extend(
            replace(finding, path=("variants", number, *finding.path))
            for finding in found
            if finding.path[0] == "training"
        )


def _toml(text: str, shown: str) -> dict[str, Any]:
    def refuse(message: str, offset: int) -> ScenarioError:
        line, column = line_and_column(text, offset)
        return ScenarioError([Problem(path=shown, line=line, column=column, message=message)])

    if deep := _DEEP_KEY.search(text):
        raise refuse(_("this key has more than 11 dots"), deep.start())
    if long := _LONG_NUMBER.search(text):
        raise refuse(_("this number has 400 digits or more"), long.start())
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _SYNTAX.match(str(error))
        what = match["what"] if match else str(error)
        if match and match["line"]:
            line, column = int(match["line"]), int(match["column"])
        else:
            line, column = line_and_column(text, len(text.rstrip()))
        message = _("this is not TOML: {what}").format(what=what[:1].lower() + what[1:])
        raise ScenarioError([Problem(path=shown, line=line, column=column, message=message)]) from error
    except RecursionError as error:
        offset = max(text.find("[" * 8), text.find("{"), 0)
        raise refuse(_("brackets are nested too deeply"), offset) from error
    except ValueError as error:
        # Dates that do not exist, and escapes of code points that do not exist, are no TOMLDecodeError.
        raise refuse(_("this is not TOML: {what}").format(what=error), 0) from error


def _samples(
    scenario: Scenario | None, parts: Parts, report: _Report, path: Path | None, override: Path | None
) -> None:
    """Read the samples, check them, and leave them with the scenario."""
    data = parts.data
    if data is None:
        return
    file: Path | None = None
    samples: Samples | None = None
    if data.file is None:
        if override is not None:
            message = _("the samples are inline: there is no file that {file} could replace")
            report.add(Finding(path=("data",), message=message.format(file=override)))
        samples = _inline_samples(parts, data, report)
    else:
        shown = str(Path(report.shown).parent / data.file if override is None else override)
        try:
            file = override if override is not None else _data_file(data, path)
            samples = _file_samples(parts, data, report, file, shown)
        except ScenarioError as error:
            report.problems += error.problems
        except EngineError as error:
            report.add(Finding(path=("data", "file"), message=str(error)))
    # One-hot rows take memory, and only a scenario without a problem is known to fit.
    if scenario is not None and samples is not None and not report.broken:
        from retrograde.engine.scenario.data import finish

        scenario._dataset = (data, finish(samples, data, parts.positions))
        scenario._data_path = file


def _inline_samples(parts: Parts, data: Data, report: _Report) -> Samples | None:
    """Return the samples of the scenario itself; inputs and targets are checked apart from each other."""
    from retrograde.engine.scenario.data import (
        goal_faults,
        index_faults,
        inline_samples,
        length_faults,
        lengths_array,
        targets_array,
    )

    steps = parts.steps or 0
    if data.text is not None:
        if report.concerns("data") or not steps:
            return None
        return inline_samples(data, steps, indices=vocabulary_of(parts.layers) is not None)
    if data.lengths is not None and not report.concerns("data", "lengths"):
        for fault in length_faults(lengths_array(data), parts.steps):
            report.add(Finding(path=("data", "lengths", fault.row), message=fault.message))
    if data.targets is not None and not report.concerns("data", "targets"):
        goals = parts.goals or ()
        for fault in goal_faults(targets_array(data), goals, data.classes, parts.positions, lengths_array(data)):
            place: KeyPath = ("data", "targets", fault.row)
            if fault.column is not None and (data.classes is None or isinstance(data.targets[0], tuple)):
                place = (*place, fault.column)
            report.add(Finding(path=place, message=fault.message))
    given = (data.inputs is not None or parts.inputs == 0) and (data.targets is not None or parts.outputs == 0)
    if not given or report.concerns("data"):
        return None
    samples = inline_samples(data)
    for fault in index_faults(samples.inputs, vocabulary_of(parts.layers)):
        report.add(Finding(path=("data", "inputs", fault.row, fault.column or 0), message=fault.message))
    _check_scaling(samples, data, report)
    return samples


def _file_samples(parts: Parts, data: Data, report: _Report, file: Path, shown: str) -> Samples | None:
    """Return the samples of a file."""
    from retrograde.engine.scenario.data import goal_faults, index_faults, length_faults, read_samples, shape_faults

    if report.concerns("data"):
        return None
    samples = read_samples(data, file, shown, targets=parts.outputs != 0)
    report.extend(sample_rules(parts, len(samples.inputs)))
    misfits = list(shape_faults(samples, data, parts.inputs, parts.outputs, parts.positions))
    for fault in misfits:
        key = "file"
        if samples.lines is not None:
            key = "input_columns" if fault.of == "inputs" else "target_columns"
        report.add(Finding(path=("data", key), message=fault.message))
    if not any(fault.of == "targets" for fault in misfits):
        for fault in (
            *goal_faults(samples.targets, parts.goals or (), data.classes, parts.positions, samples.lengths),
            *length_faults(samples.lengths, parts.steps),
            *index_faults(samples.inputs, vocabulary_of(parts.layers)),
        ):
            line = None if samples.lines is None else int(samples.lines[fault.row])
            message = _("row {row}: {message}").format(row=int(samples.numbers[fault.row]), message=fault.message)
            report.problems.append(Problem(path=shown, line=line, key=f"data.{fault.of}", message=message))
    _check_scaling(samples, data, report)
    return samples


def _check_scaling(samples: Samples, data: Data, report: _Report) -> None:
    from retrograde.engine.scenario.data import scaled

    try:
        scaled(samples.inputs, data)
    except EngineError as error:
        key = "divide_inputs_by" if data.divide_inputs_by is not None else "standardise"
        report.add(Finding(path=("data", key), message=str(error)))


def _whole(scenario: Scenario) -> Parts:
    network = scenario.network
    return Parts(
        inputs=network.inputs,
        input_shape=network.input_shape,
        seed=network.seed,
        init=network.init,
        layers=network.layers,
        complete=True,
        data=scenario.data,
        loss=scenario.loss,
        losses=scenario.losses,
        training=scenario.training,
        stop=scenario.stop,
        expect=scenario.expect,
        names=layer_names([layer.name for layer in network.layers]),
    )


def _pieces(content: dict[str, Any]) -> Parts:
    """Return what is valid of an invalid scenario."""
    unknown: set[KeyPath] = set()
    network = content.get("network")
    if not isinstance(network, dict):
        network = {}
    given = network.get("layers")
    tables = given[:MAX_LAYERS] if isinstance(given, list) else []
    layers = [_valid(_kind(table), table, ("network", "layers", n), unknown) for n, table in enumerate(tables)]
    expect = content.get("expect")
    bare = _valid(NetworkTable, {**network, "init": {}, "layers": [{"units": 1}]}, ("network",), unknown)
    if "init" not in network:
        init: NetworkInit | None = NetworkInit()
    else:
        init = _valid(NetworkInit, network["init"], ("network", "init"), unknown)
    names = [getattr(layer, "name", None) or "" for layer in layers]
    return Parts(
        inputs=bare.inputs if bare and ("inputs" in network or tables) else None,
        input_shape=bare.input_shape if bare else None,
        seed=bare.seed if bare else None,
        init=init,
        layers=layers,
        complete=bool(layers) and len(layers) == len(given or ()),
        data=_valid(Data, content.get("data", {}), ("data",), unknown),
        loss=_valid(LossTable, content.get("loss"), ("loss",), unknown),
        losses=_losses(content, unknown),
        training=_valid(Training, content.get("training"), ("training",), unknown),
        stop=_valid(StopTable, content.get("stop"), ("stop",), unknown),
        expect=[_valid(Expectation, table, ("expect", n), unknown) for n, table in enumerate(expect[:MAX_FINDINGS])]
        if isinstance(expect, list)
        else [],
        names=layer_names(names) if names else [],
        unknown=unknown,
    )


def _kind(table: Any) -> type[Layer]:
    """Return the model of a layer's table; that of a dense layer where the kind does not exist."""
    kind = table.get("kind", "dense") if isinstance(table, dict) else "dense"
    return KINDS.get(kind, DenseLayer) if isinstance(kind, str) else DenseLayer


def _losses(content: dict[str, Any], unknown: set[KeyPath]) -> list[LossTable | None]:
    given = content.get("losses")
    tables = given[:MAX_LAYERS] if isinstance(given, list) else []
    return [_valid(LossTable, table, ("losses", n), unknown) for n, table in enumerate(tables)]


# Values that stand for required keys which are wrong or missing, until they are set to None.
_STAND_INS: dict[type[BaseModel], dict[str, Any]] = {
    DenseLayer: {"units": 1},
    NetworkTable: {"inputs": 1},
    LossTable: {"kind": "squared_error"},
    Training: {"learning_rate": 1.0},
    StopTable: {"epochs": 1},
    Expectation: {"value": "E", "printed": "0"},
}


def _valid(model: type[_Model], table: Any, path: KeyPath, unknown: set[KeyPath]) -> _Model | None:
    """Return the model of a table with None for each key that is wrong; the keys are added to `unknown`."""
    if not isinstance(table, dict):
        return None
    try:
        return model.model_validate(table)
    except ValidationError as error:
        wrong = {str(details["loc"][0]) for details in error.errors(include_url=False) if details["loc"]}
    unknown.update((*path, key) for key in wrong)
    right = {key: value for key, value in table.items() if key not in wrong}
    stand_ins = {key: value for key, value in _STAND_INS.get(model, {}).items() if key in wrong}
    try:
        found = model.model_validate({**right, **stand_ins})
    except ValidationError:
        return None
    return found.model_copy(update={key: None for key in wrong if key in model.model_fields})


class _Report:
    """Everything that is wrong, with its place in the file."""

    def __init__(self, text: str, shown: str) -> None:
        self.shown = shown
        self.problems: list[Problem] = []
        self._text = text
        self._positions: Positions | None = None
        self._findings: list[Finding] = []

    def add(self, finding: Finding) -> None:
        self._findings.append(finding)

    def extend(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.add(finding)

    @property
    def broken(self) -> bool:
        """Whether anything is wrong."""
        return bool(self._findings or self.problems)

    @property
    def too_large(self) -> bool:
        """Whether the scenario would not fit in memory."""
        return any(finding.path in {("network", "layers"), ("data",)} for finding in self._findings)

    def concerns(self, *path: str) -> bool:
        """Whether something in a table, or below a key, is wrong."""
        return any(finding.path[: len(path)] == path for finding in self._findings)

    def fail(self) -> None:
        """Raise if anything is wrong."""
        if not self.broken:
            return
        problems = self.problems + list(self._located())
        problems.sort(key=lambda problem: (problem.path != self.shown, problem.line or 0, problem.column or 0))
        if len(problems) > MAX_PROBLEMS:
            message = _("and {count} more").format(count=len(problems) - MAX_PROBLEMS)
            problems = [*problems[:MAX_PROBLEMS], Problem(path=self.shown, message=message)]
        raise ScenarioError(problems)

    def _located(self) -> Iterator[Problem]:
        try:
            positions = locate(self._text)
        except (LocateError, RecursionError):
            positions = Positions(self._text)
        for finding in dict.fromkeys(self._findings):
            place = positions.find(finding.path, key=finding.key) or (1, 1)
            yield Problem(
                path=self.shown,
                line=place[0],
                column=place[1],
                key=key_text(finding.path),
                message=finding.message,
            )


def key_text(path: KeyPath) -> str:
    """Return a key path as a person reads it, counted from 1: `network.layers[1].units`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else repr(part[:60])
            text += f".{name}" if text else name
    return text


# ------------------------------------------------------------------------------------------------ messages


def _hollow(details: ErrorDetails) -> bool:
    """Whether pydantic counts only the valid entries of a list, and finds it too short for that alone."""
    given = details["input"]
    return details["type"] == "too_short" and len(given) >= details["ctx"]["min_length"]


def _finding(details: ErrorDetails) -> Finding:
    path = tuple(
        part for part in details["loc"] if not (isinstance(part, str) and part.startswith("<") and part.endswith(">"))
    )
    kind = details["type"]
    layer = next((KINDS[part[1:-1]] for part in map(str, details["loc"]) if part[1:-1] in KINDS), DenseLayer)
    if kind == "extra_forbidden":
        return Finding(path=path, message=_unknown_key(path, layer), key=True)
    if kind == "missing":
        return Finding(path=path, message=_missing(path, layer))
    if kind == "literal_error" and path[:2] == ("network", "layers") and path[3:] == ("kind",):
        shown = _shown(details.get("input"))
        return Finding(path=path, message=_literal(details.get("input"), ", ".join(map(repr, KINDS)), shown))
    return Finding(path=path, message=_wrong(kind, details))


def _wrong(kind: str, details: ErrorDetails) -> str:
    """Return what is wrong with a value, and what is allowed."""
    context: dict[str, Any] = details.get("ctx", {})
    found = _shown(details.get("input"))
    match kind:
        case "int_type" | "int_from_float" | "int_parsing" | "int_parsing_size":
            return _("{found} is not a whole number").format(found=found)
        case "float_type" | "float_parsing":
            return _("{found} is not a number").format(found=found)
        case "finite_number":
            return _("{found} is not finite; give a number of ordinary size").format(found=found)
        case "string_type":
            return _("{found} is not a text in quotes").format(found=found)
        case "bool_type" | "bool_parsing":
            return _("{found} is neither true nor false").format(found=found)
        case "tuple_type" | "list_type":
            return _("{found} is not a list").format(found=found)
        case "model_type" | "model_attributes_type" | "dict_type":
            return _("{found} is not a table").format(found=found)
        case "literal_error":
            return _literal(details.get("input"), str(context.get("expected", "")), found)
        case "greater_than":
            return _("{found} is too small; more than {bound} is needed").format(
                found=found, bound=format(context["gt"], "g")
            )
        case "greater_than_equal":
            return _("{found} is too small; the smallest is {bound}").format(
                found=found, bound=format(context["ge"], "g")
            )
        case "less_than":
            return _("{found} is too large; less than {bound} is needed").format(
                found=found, bound=format(context["lt"], "g")
            )
        case "less_than_equal":
            return _("{found} is too large; the largest is {bound}").format(found=found, bound=f"{context['le']:,}")
        case "too_short":
            return _("{found} entries, at least {bound} are needed").format(
                found=context["actual_length"], bound=context["min_length"]
            )
        case "too_long":
            return _("{found} entries, at most {bound} are allowed").format(
                found=context["actual_length"], bound=context["max_length"]
            )
        case "string_too_short":
            return _("the text is empty")
        case "string_too_long":
            return _("the text is longer than {bound} characters").format(bound=context["max_length"])
        case "string_pattern_mismatch":
            return _pattern(str(details["loc"][-1]), details["loc"], found)
    return str(details["msg"])


def _pattern(name: str, path: tuple[str | int, ...], found: str) -> str:
    if "numbering" in path:
        return _("{found} is not a name; use letters and digits, such as w1").format(found=found)
    if name == "name":
        return _("{found} is not a name; use Latin letters, digits and _, and begin with a letter").format(found=found)
    if name == "printed":
        return _('{found} is not a number as it is printed, such as "0.75136507"').format(found=found)
    return _('{found} does not name columns or rows; count from 1, such as "1-4,7"').format(found=found)


def _literal(value: Any, expected: str, found: str) -> str:
    allowed = re.findall(r"'([^']*)'", expected) or [expected]
    near = difflib.get_close_matches(value, allowed, n=1, cutoff=0.6) if isinstance(value, str) else []
    message = _("{found} is not known").format(found=found)
    if near:
        message += _("; did you mean {name}? Allowed: {names}").format(name=near[0], names=", ".join(allowed))
    else:
        message += _("; allowed: {names}").format(names=", ".join(allowed))
    return message


def _shown(value: Any) -> str:
    """Return a value of the file, shortened, in words that a person who wrote TOML knows."""
    if isinstance(value, dict):
        return _("a table")
    if isinstance(value, list | tuple):
        return _("a list")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f'"{value[:39]}…"'
    if isinstance(value, int):
        return (
            str(value)
            if abs(value) < 10**20
            else _("a number with {digits} digits").format(digits=len(str(abs(value))))
        )
    return str(value)


def _model_at(path: KeyPath, layer: type[Layer]) -> type[BaseModel] | None:
    """Return the model of the table at a path; ``layer`` is that of a layer on it."""
    model: type[BaseModel] | None = Scenario
    for part in path:
        if isinstance(part, int):
            continue
        if (model, part) == (NetworkTable, "layers"):
            model = layer
            continue
        owner = Layer if model is not None and issubclass(model, Layer) else model
        model = _TABLES.get((owner, part)) if owner is not None else None
    return model


_TABLES: dict[tuple[type[BaseModel], str], type[BaseModel]] = {
    (Scenario, "title"): TextTable,
    (Scenario, "teaches"): TextTable,
    (Scenario, "about"): TextTable,
    (Scenario, "network"): NetworkTable,
    (Scenario, "data"): Data,
    (Scenario, "loss"): LossTable,
    (Scenario, "losses"): LossTable,
    (Scenario, "training"): Training,
    (Scenario, "stop"): StopTable,
    (Scenario, "expect"): Expectation,
    (NetworkTable, "layers"): DenseLayer,
    (NetworkTable, "init"): NetworkInit,
    (NetworkInit, "bias"): Distribution,
    (Training, "schedule"): RateSchedule,
    (Layer, "init"): LayerInit,
    (LayerInit, "bias"): Distribution,
    (Expectation, "reason"): TextTable,
    (Scenario, "variants"): Variant,
    (Variant, "title"): TextTable,
    (Variant, "expect"): Expectation,
}


def _unknown_key(path: KeyPath, layer: type[Layer]) -> str:
    model = _model_at(path[:-1], layer)
    known = list(model.model_fields) if model is not None else []
    name = str(path[-1])
    near = difflib.get_close_matches(name[:60], known, n=1, cutoff=0.5)
    message = _("there is no such key")
    if near:
        return message + _("; did you mean {name}?").format(name=near[0])
    elsewhere = sorted({_table_name(table) for table in _homes(name) if table is not model})
    if elsewhere:
        return message + _(" here; it belongs in {tables}").format(tables=", ".join(elsewhere))
    return message + _("; known here: {names}").format(names=", ".join(known))


def _homes(name: str) -> Iterator[type[BaseModel]]:
    tables: set[type[BaseModel]] = {Scenario, *_TABLES.values()}
    for table in tables:
        if name in table.model_fields:
            yield table


def _table_name(model: type[BaseModel]) -> str:
    names = {
        Scenario: _("the top of the file"),
        TextTable: "[title]",
        NetworkTable: "[network]",
        NetworkInit: "[network.init]",
        LayerInit: "[network.init]",
        Distribution: "[network.init]",
        DenseLayer: "[[network.layers]]",
        Data: "[data]",
        LossTable: "[loss]",
        Training: "[training]",
        RateSchedule: "[training.schedule]",
        StopTable: "[stop]",
        Expectation: "[[expect]]",
        Variant: "[[variants]]",
    }
    return names.get(model, model.__name__)


def _missing(path: KeyPath, layer: type[Layer]) -> str:
    model = _model_at(path[:-1], layer)
    field = model.model_fields.get(str(path[-1])) if model is not None else None
    description = field.description if field is not None else None
    table = _model_at(path, layer)
    if path == ("format",):
        return _("missing: put format = 1 at the top of the file")
    if table is not None and path[-1] != "layers":
        return _("missing: the table [{name}]").format(name=".".join(str(part) for part in path))
    if path[-1] == "layers":
        return _("missing: at least one [[network.layers]]")
    return _("missing: {what}").format(what=description) if description else _("missing")
