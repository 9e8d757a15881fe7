"""Writes what tables say: `python -m retrograde.tui.cli.reference docs/{scenarios,training,why,glossary}{,.zh}.md`."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from retrograde.engine.equations.activation_table import ACTIVATIONS
from retrograde.engine.equations.ailments import AILMENTS, Ailment
from retrograde.engine.equations.losses import LOSSES
from retrograde.engine.equations.optimisers import DECAY, OPTIMISERS, OPTIONS, Optimiser
from retrograde.engine.equations.options import Value
from retrograde.engine.equations.rate_schedules import KEYS, SCHEDULES
from retrograde.engine.layers.base import ActivatedLayer, Layer
from retrograde.engine.layers.table import KINDS
from retrograde.engine.scenario.data_table import Data, HeldOut
from retrograde.engine.scenario.models import (
    Chapter,
    Expectation,
    LossTable,
    NetworkInit,
    NetworkTable,
    Scenario,
    StopTable,
    Variant,
)
from retrograde.engine.scenario.rules import reserved
from retrograde.engine.scenario.schedule_table import RateSchedule
from retrograde.engine.scenario.training import Training
from retrograde.engine.text import joined, language, use
from retrograde.tui.cli.support.markdown import (
    DOCS,
    language_of,
    markdown_table,
    page_of,
    say_what_is_untold,
    told,
)

_INTRODUCTION = """\
# Scenario files

English · [简体中文](scenarios.zh.md)

A scenario is a TOML file: a network, its data, its training, and the figures that were published about it. `retrograde
new FILE.toml` writes one to start from, and every mistake in a file is reported with its line and key. What a key means
is stated here once, from the models that read it; `retrograde schema` gives the same to editors.

What is odd and can be computed is a warning, not a mistake, since a network that does not learn is what a debugger is
for: a loss that does not fit its activation, targets that the outputs can not reach, a learning rate below 0. Commands
print warnings on stderr, `retrograde run --json` lists them, and in the app `:warnings` does.

A layer takes the output of the layer above it, or of the layers that its key `inputs` names (`i` is the input). Arrays
have the axes of one sample: rows and columns, `[channels, rows, columns]` for a convolution, `[time, features]` for a
sequence. Weights have a row per unit; a file that has a column per unit, as x @ W and Keras do, says so with `layout =
"inputs_first"`, and those of a dense or a linear layer may be nested like the array that they read.
"""


def reference(chosen: str = "en") -> str:
    """The reference as Markdown, in a language."""
    return page_of(_lines, chosen)


def _lines() -> Iterator[str]:
    yield told(_INTRODUCTION)
    tables: tuple[tuple[str, type[BaseModel]], ...] = (
        ("the top of the file", Scenario),
        ("[network]", NetworkTable),
        ("[network.init]", NetworkInit),
        ("[data]", Data),
        ("[held_out]", HeldOut),
        ("[loss] and [[losses]]", LossTable),
        ("[training]", Training),
        ("[training.schedule]", RateSchedule),
        ("[stop]", StopTable),
        ("[[expect]]", Expectation),
        ("[[chapter]]", Chapter),
        ("[[variants]]", Variant),
    )
    for title, model in tables:
        yield from _section(f"## {_code(told(title, same=True))}", model, _fields(model))
    yield told(
        "A chapter is told beside the equation when the cursor is at its moment; Space goes to the next one, and the"
        " training goes on by itself where the moment is still to come. Numbers are never typed in: what stands in"
        " braces is a [formula](formulas.md), computed at the moment and shown with six digits.\n"
    )
    yield (
        "```toml\n"
        "[[chapter]]\n"
        'at = "first E < 0.01"\n'
        'title = { en = "It has learned", zh = "学会了" }\n'
        'panel = "loss"\n'
        "[chapter.text]\n"
        'en = "In epoch {epoch} E has fallen from {E after 1:1} to {E}."\n'
        'zh = "到第 {epoch} 轮，E 从 {E after 1:1} 降到 {E}。"\n'
        "```\n"
    )
    yield "## `[doctor]`\n"
    yield told(
        "Limits of the rules of `retrograde doctor` that are other than usual, a table a rule: `lr_large = { once = 5.0"
        " }`, or `[doctor.lr_large]` with `once = 5.0`. Which rules there are, with their limits, is said in"
        " [why](why.md#doctor).\n"
    )
    yield told("## Layers\n")
    yield told("Every `[[network.layers]]` has these keys, and those of its kind:\n")
    yield from markdown_table(("key", "value", "default", "meaning"), _rows(_fields(Layer), skip=("kind",)))
    yield told("A layer that ends in an activation function has these as well:\n")
    own = set(Layer.model_fields)
    yield from markdown_table(
        ("key", "value", "default", "meaning"),
        _rows({name: field for name, field in ActivatedLayer.model_fields.items() if name not in own}),
    )
    shared = {*Layer.model_fields, *ActivatedLayer.model_fields}
    for kind, layer in KINDS.items():
        fields = {
            name: field
            for name, field in layer.model_fields.items()
            if name not in shared or (name == "activation" and issubclass(layer, ActivatedLayer))
        }
        yield from _section(f"### `{kind}`", layer, fields)
    yield told("## Names that are taken\n")
    yield told(
        "A layer, a weight of a table and a value of a graph may not be called what means something else, since a"
        " formula or a breakpoint could mean both. A layer may not be called:\n"
    )
    yield from markdown_table(("names", "why"), _taken(reserved.LAYERS))
    yield told(
        "Single letters other than `E` and `i` are free for weights and for values of a graph; the values of a graph"
        " may not be called what stands above, and not:\n"
    )
    yield from markdown_table(("names", "why"), _taken(reserved.VALUES - reserved.LAYERS))
    yield told("## Activations\n")
    rows = (
        (f"`{row.name}`", told(row.formula, same=True), told(row.source, same=True)) for row in ACTIVATIONS.values()
    )
    yield from markdown_table(("name", "formula", "source"), rows)
    yield told("## Losses\n")
    losses = (
        (
            f"`{row.name}`",
            told(row.formula, same=True),
            joined((told(f"{row.over_outputs} over outputs"), told(f"{row.over_batch} over the batch")), ", "),
        )
        for row in LOSSES.values()
    )
    yield from markdown_table(("name", "term of one output", "reductions"), losses)
    yield told(
        "`binary_cross_entropy` clamps nothing: an output of exactly 0 or 1 whose target is another has an infinite"
        " loss, where Keras keeps y 10⁻⁷ away from 0 and 1, and PyTorch has no logarithm below −100. A term with the"
        " factor 0 is 0, so that 0 · ln 0 is no NaN. `binary_cross_entropy_logits` is the same of a layer without a"
        " sigmoid, and does not overflow.\n"
    )
    yield told("## Optimisers\n")
    yield from markdown_table(
        ("name", "formula", "source"),
        ((f"`{row.name}`", told(row.formula, same=True), told(row.source, same=True)) for row in OPTIMISERS.values()),
    )


def _taken(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The names that are taken, by what they mean."""
    reasons: dict[str, list[str]] = {}
    for name in sorted(names):
        reasons.setdefault(reserved.why(name), []).append(f"`{name}`")
    for why, words in reasons.items():
        yield " ".join(words), why


def training(text: str, chosen: str = "en") -> str:
    """The page about training with its tables as the engine's are."""
    use(chosen)
    optimisers = (
        (
            f"`{row.name}`",
            told(row.formula, same=True),
            _defaults(row.options, usual=DECAY),
            told(row.source, same=True),
        )
        for row in OPTIMISERS.values()
    )
    options = ((f"`{row.key}`", told(row.text), told(row.bounds, same=True)) for row in OPTIONS.values())
    schedules = (
        (f"`{row.name}`", told(row.formula, same=True), _defaults(row.keys), told(row.source, same=True))
        for row in SCHEDULES.values()
    )
    memory = ((f"`{row.name}`", _remembered(row)) for row in OPTIMISERS.values())
    tables: tuple[tuple[tuple[str, ...], Iterable[tuple[str, ...]]], ...] = (
        (("`optimizer`", "update", "options and defaults", "source"), optimisers),
        (("option", "meaning", "range"), options),
        (("remembered by", "names"), memory),
        (("`kind`", "f(t)", "keys and defaults", "PyTorch"), schedules),
    )
    return _with_tables(text, tables)


def why(text: str, chosen: str = "en") -> str:
    """The page that says why with its table of rules as the engine's is."""
    use(chosen)
    head = ("rule", "finds", "exactly", "limits", "what to do")
    rows = (
        (f"`{row.name}`", _kind(row), told(row.formula, same=True), _limits(row), told(row.advice))
        for row in AILMENTS.values()
    )
    return _with_tables(text, ((head, rows),))


def glossary(text: str, chosen: str = "en") -> str:
    """The glossary in a language; the English page, which is written by hand, has the terms."""
    if chosen == "en":
        return text
    head, _mark, rest = (DOCS / "glossary.md").read_text(encoding="utf-8").partition("\n## ")

    def lines() -> Iterator[str]:
        yield told(head)
        for line in f"## {rest}".splitlines():
            cells = line.strip("| ").split(" | ")
            if len(cells) == 3 and not cells[0].startswith("---"):
                yield f"| {cells[1]} | {cells[0]} | {told(cells[2])} |"
            else:
                yield told(line) if line.startswith("#") else line

    return page_of(lines, chosen)


def _with_tables(text: str, tables: Iterable[tuple[tuple[str, ...], Iterable[tuple[str, ...]]]]) -> str:
    """A page with some of its tables, which are found by what stands over their first columns, as they are now."""
    for head, rows in tables:
        table = "\n".join(markdown_table(head, rows))
        old = re.compile(rf"^\| {re.escape(told(head[0]))} \|.*?\n(?=\n)", re.MULTILINE | re.DOTALL)
        text = old.sub(table.replace("\\", r"\\"), text)
    use("en")
    return text


def _kind(row: Ailment) -> str:
    """What a rule finds, and when it is no alarm."""
    return told(row.title) + told(" (a note)" if row.note else " (a risk)" if row.risk else "")


def _limits(row: Ailment) -> str:
    """The limits of a rule, each with where it comes from."""
    return joined(
        (
            f"`{limit.key} = {limit.default:g}` {joined((told(limit.text), told(limit.source, same=True)), ': ')}"
            for limit in row.limits
        ),
        "; ",
    )


def _remembered(row: Optimiser) -> str:
    """What an optimiser remembers, each with what it needs to."""
    found = []
    for name, one in row.remembers.items():
        needs = ""
        if one.needs is not None:
            key, values = one.needs
            needs = told(" (with {what} {values})" if values else " (with {what})").format(
                what=f"`{key}`", values=_either(map(_written, values))
            )
        found.append(f"`{name}` {told(one.text)}{needs}")
    return joined(found, "; ")


def _defaults(options: Mapping[str, Value | None], usual: Mapping[str, Value] | None = None) -> str:
    """The keys with their defaults, without those that all have; what is absent has none."""
    usual = usual or {}
    absent = {key for key, option in KEYS.items() if not option.allows(0) or option.kind == "places"}
    found = (
        f"`{key}`" if value is None or (not value and key in absent) else f"`{key} = {_written(value)}`"
        for key, value in options.items()
        if key not in usual or usual[key] != value
    )
    return told(", ").join(found)


def _written(value: Value) -> str:
    """A value as a file writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, str):
        return f'"{value}"'
    return "1/3" if value == 1 / 3 else f"{value:g}"


def _code(title: str) -> str:
    return re.sub(r"\[+[a-z.]+\]+", lambda match: f"`{match[0]}`", title)


def _section(title: str, model: type[BaseModel], fields: dict[str, FieldInfo]) -> Iterator[str]:
    yield f"{title}\n"
    yield f"{told(' '.join((model.__doc__ or '').partition('Attributes:')[0].split()))}\n"
    rows = list(_rows(fields, skip=("kind",) if issubclass(model, Layer) else ()))
    if rows:
        yield from markdown_table(("key", "value", "default", "meaning"), rows)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return dict(model.model_fields)


def _rows(fields: dict[str, FieldInfo], skip: Iterable[str] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in fields.items():
        if name not in skip:
            kind = told("an [activation](#activations)") if name == "activation" else _type(field.annotation)
            yield f"`{name}`", kind, _default(field), told(field.description or "")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return told("needed")
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), "") or isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


_PLAIN = {int: "whole number", float: "number", str: "text", bool: "true or false", type(None): ""}


def _type(annotation: Any) -> str:
    """What a value is, in words."""
    if annotation in _PLAIN:
        return told(_PLAIN[annotation])
    origin = get_origin(annotation)
    if origin is Annotated:
        return _type(get_args(annotation)[0])
    if origin is Literal:
        choices = [f"`{choice}`" if isinstance(choice, str) else str(choice) for choice in get_args(annotation)]
        return told(", ").join(choices)
    if origin in {Union, types.UnionType}:
        return _either(dict.fromkeys(_alternatives(get_args(annotation))))
    if origin is tuple:
        inner = [part for part in get_args(annotation) if part is not Ellipsis]
        word = _type(inner[0]) if inner else ""
        return word if word == told("table") else told("list of {what}").format(what=_plural(word))
    return told("table")


def _nested(annotation: Any) -> tuple[int, str]:
    """How deep the lists of a value are, and what is in them, in words."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _nested(get_args(annotation)[0])
    if origin is tuple:
        depth, word = _nested(get_args(annotation)[0])
        return depth + 1, word
    return 0, _plural(_type(annotation))


def _alternatives(annotations: Iterable[Any]) -> Iterator[str]:
    """What a value may be, in words; lists of lists of one thing to several depths are one of them."""
    given = list(_flat(annotations))
    found = [_nested(annotation) for annotation in given]
    for annotation, (depth, word) in zip(given, found, strict=True):
        depths = [other for other, one in found if one == word and other > 1]
        if depth > 1 and len(depths) > 1:
            yield told("lists of {what} nested {least} to {most} deep").format(
                what=word, least=min(depths), most=max(depths)
            )
        elif text := _type(annotation):
            yield text


def _flat(annotations: Iterable[Any]) -> Iterator[Any]:
    """The parts of unions, also of those within unions."""
    for annotation in annotations:
        inner = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
        if get_origin(inner) in {Union, types.UnionType}:
            yield from _flat(get_args(inner))
        else:
            yield annotation


def _either(words: Iterable[str]) -> str:
    """Words of which one is meant; between Chinese there is no blank."""
    return re.sub(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])", "", told(" or ").join(words))


def _plural(word: str) -> str:
    if language() != "en":
        return word
    if word.startswith(("list of", "`")):
        return word.replace("list of", "lists of", 1)
    return {"text": "texts", "number": "numbers", "whole number": "whole numbers"}.get(word, word)


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]):
        name, chosen = page.name.partition(".")[0], language_of(page)
        now = page.read_text(encoding="utf-8") if page.exists() else ""
        renewed = {"training": training, "why": why, "glossary": glossary}.get(name)
        page.write_text(reference(chosen) if renewed is None else renewed(now, chosen), encoding="utf-8")
    say_what_is_untold()
