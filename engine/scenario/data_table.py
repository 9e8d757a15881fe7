"""The tables of a scenario file that say which samples there are: `[data]` and `[held_out]`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from retrograde.engine.equations.losses import VALUE
from retrograde.engine.layers.base import MAX_SEED, MAX_UNITS, RANGES, Matrix, Model, Row, list_or_number
from retrograde.engine.scenario.limits import SUFFIXES
from retrograde.engine.scenario.sequences import MAX_TEXT, alphabet

_DEEPEST = 5
Blocks = Annotated[tuple[Matrix, ...], Field(strict=False)]
Blocks4 = Annotated[tuple[Blocks, ...], Field(strict=False)]
Blocks5 = Annotated[tuple[Blocks4, ...], Field(strict=False)]


def _depth(value: Any) -> str:
    """The tag of nested lists: how deep they are at their deepest, as far as anything is."""
    depth, level = 0, [value]
    while depth < _DEEPEST and any(isinstance(part, list | tuple) for part in level):
        depth += 1
        level = [inner for part in level if isinstance(part, list | tuple) for inner in part]
    return f"<{max(depth, 2)}>"


def _depth_or_indices(value: Any) -> str:
    if not isinstance(value, list | tuple) or not value:
        return "<2>"
    return _depth(value) if any(isinstance(row, list | tuple) for row in value) else "<indices>"


def _columns_tag(value: Any) -> str:
    return "<list>" if isinstance(value, list | tuple) else "<text>"


def _name_or_number(value: Any) -> str:
    return "<text>" if isinstance(value, str) else "<number>"


def _scale_tag(value: Any) -> str:
    return "<list>" if isinstance(value, list | tuple) else _name_or_number(value)


_ColumnName = Annotated[str, Field(min_length=1, max_length=500)]
_ColumnNumber = Annotated[int, Field(ge=1, le=MAX_UNITS)]
ColumnKey = Annotated[
    Annotated[_ColumnName, Tag("<text>")] | Annotated[_ColumnNumber, Tag("<number>")], Discriminator(_name_or_number)
]
Columns = Annotated[
    Annotated[Annotated[str, Field(min_length=1, max_length=2000)], Tag("<text>")]
    | Annotated[tuple[ColumnKey, ...], Field(strict=False, min_length=1), Tag("<list>")],
    Discriminator(_columns_tag),
]
"""Columns of a table: `1-4,7`, `x1,x2`, or a list of names and numbers."""
Nested = Annotated[
    Annotated[Matrix, Tag("<2>")]
    | Annotated[Blocks, Tag("<3>")]
    | Annotated[Blocks4, Tag("<4>")]
    | Annotated[Blocks5, Tag("<5>")],
    Discriminator(_depth),
]
Targets = Annotated[
    Annotated[Matrix, Tag("<2>")]
    | Annotated[Blocks, Tag("<3>")]
    | Annotated[Blocks4, Tag("<4>")]
    | Annotated[Blocks5, Tag("<5>")]
    | Annotated[Row, Tag("<indices>")],
    Discriminator(_depth_or_indices),
]
_ScaleWord = Literal["none", "standardise", "minmax"]
Scale = Annotated[
    Annotated[_ScaleWord, Tag("<text>")] | Annotated[float, Tag("<number>")], Discriminator(_name_or_number)
]
Scales = Annotated[
    Annotated[_ScaleWord, Tag("<text>")]
    | Annotated[float, Tag("<number>")]
    | Annotated[tuple[Scale, ...], Field(strict=False, min_length=1), Tag("<list>")],
    Discriminator(_scale_tag),
]
"""How columns are scaled, all alike or one by one; a number divides."""


class Data(Model):
    """The samples, inline or from a file.

    A table is CSV, TSV or any text with a separator, as a spreadsheet or a program writes it: encoding, separator,
    quotes, heading, decimal sign and thousands are seen from the file, and `retrograde data FILE` shows what would be
    read. Columns that are not asked for may hold anything. Missing are cells that are empty or say NA, NaN, ?, null,
    none or -.
    """

    # What is not finite is refused by a rule, which `missing = "keep"` lifts.
    model_config = ConfigDict(allow_inf_nan=True)

    inputs: Nested | None = Field(
        default=None,
        description="a row per sample, a column per input; or a sample as nested lists with the axes of"
        " network.input_shape",
    )
    targets: Targets | None = Field(
        default=None,
        description="a row per sample, a column per output, or nested lists; or, with classes, a list of indices, of"
        " sequences a row of indices per sample",
    )
    file: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description=f"a file beside the scenario, or a path from there: {', '.join(SUFFIXES)}, or a folder of PNG"
        " images with a folder for each class",
    )
    target_file: str | None = Field(
        default=None, min_length=1, max_length=500, description="NPY: the file of the targets, where file has inputs"
    )
    skip_rows: int = Field(
        default=0, ge=0, le=1000, description="tables: lines before the first sample, or before the heading"
    )
    separator: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description='tables: what separates cells, " " for any number of blanks; absent: seen from the file',
    )
    decimal: Literal[".", ","] | None = Field(
        default=None,
        description="tables: the sign before decimals, the other one groups thousands; absent: seen from the numbers",
    )
    heading: bool | None = Field(
        default=None,
        description="tables: whether the first line names the columns; absent: it does where no cell of it is a"
        " number and cells below are",
    )
    missing: Literal["refuse", "drop", "mean", "keep"] = Field(
        default="refuse",
        description="what becomes of missing values: an error with row and column; drop: the row is left out; mean: an"
        " input becomes the mean of its column in the training data; keep: NaN and inf stay, to be watched",
    )
    input_columns: Columns | None = Field(
        default=None,
        description='tables: columns from 1, ends included, "1-4,7"; or their names, "x1,x2", "x1-x4" or ["x1", "x2"]',
    )
    target_columns: Columns | None = Field(default=None, description='tables: columns, "5" or "species"')
    input_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="NPZ: name of the array of inputs; inputs if absent",
    )
    target_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="NPZ: name of the array of targets; targets if absent",
    )
    classes: (
        Annotated[
            Annotated[Annotated[int, Field(ge=2, le=MAX_UNITS)], Tag("<number>")]
            | Annotated[tuple[_ColumnName, ...], Field(strict=False, min_length=2, max_length=100_000), Tag("<list>")],
            Discriminator(list_or_number),
        ]
        | None
    ) = Field(
        default=None,
        description="targets are classes and become one-hot rows: their number, where the file has words these are"
        ' sorted; or the labels in the order of the outputs, ["setosa", "versicolor"]; absent: inferred from a'
        " column of words",
    )
    first_class: Literal[0, 1] = Field(default=0, description="the index of the first class, where labels are numbers")
    labels: Literal["one_hot", "index"] = Field(
        default="one_hot",
        description="what classes become: a row with a 1 in it, or their index from 0, as one sigmoid unit needs it",
    )
    class_names: Annotated[tuple[str, ...], Field(strict=False)] | None = Field(
        default=None,
        description="how each class or output is called on the screen; absent: by its label",
    )
    divide_inputs_by: float | None = Field(default=None, description="every input is divided by this number")
    standardise: bool = Field(
        default=False,
        description="inputs become (x - mean) / std by column, with the population's std; a constant column becomes 0",
    )
    scale_inputs: Scales | None = Field(
        default=None,
        description='how inputs are scaled: "standardise", "minmax" to 0 to 1, "none", a number that divides, or a'
        " list with one of these for each column; fitted on the training data alone",
    )
    scale_targets: Scales | None = Field(default=None, description="how targets are scaled, as scale_inputs")
    layout: Literal["NCHW", "NHWC"] = Field(
        default="NCHW",
        description="NHWC: each sample is written as rows, columns, channels; network.input_shape still says channels,"
        " rows, columns",
    )
    rows: str | None = Field(
        default=None,
        pattern=RANGES,
        max_length=2000,
        description='samples of the file from 1, ends included: "1-100"',
    )
    lengths: Annotated[tuple[int, ...], Field(strict=False)] | None = Field(
        default=None,
        description="of sequences that are filled up to one number of steps: how many steps of each sample count; the"
        " others keep the state of a recurrent layer and have no loss",
    )
    length_column: ColumnKey | None = Field(
        default=None, description="tables: the column, by number or name, that holds the lengths"
    )
    length_key: str | None = Field(
        default=None, min_length=1, max_length=200, description="NPZ: name of the array of lengths"
    )
    mask: Matrix | None = Field(
        default=None,
        description="instead of lengths: a row per sample with a 1 for each step, or position of an array, that counts"
        " and a 0 for others, anywhere",
    )
    mask_columns: Columns | None = Field(default=None, description='tables: the columns of the mask: "9-12"')
    mask_key: str | None = Field(
        default=None, min_length=1, max_length=200, description="NPZ: name of the array of masks"
    )
    sample_weights: Row | None = Field(
        default=None, description="how much each sample counts in the loss; see loss.normalise"
    )
    weight_column: ColumnKey | None = Field(
        default=None, description="tables: the column, by number or name, that holds the weights of samples"
    )
    weight_key: str | None = Field(
        default=None, min_length=1, max_length=200, description="NPZ: name of the array of weights of samples"
    )
    text: str | None = Field(
        default=None,
        min_length=2,
        max_length=MAX_TEXT,
        description="a text whose windows are the samples: the inputs are its characters one-hot, in the order of"
        " their codes, or as the indices that an embedding takes; the targets are the characters that follow",
    )
    stride: int | None = Field(
        default=None, ge=1, le=MAX_TEXT, description="of a text: how far apart windows begin; their length if absent"
    )

    @property
    def class_total(self) -> int | None:
        """The number of classes that are stated; None where none are."""
        return len(self.classes) if isinstance(self.classes, tuple) else self.classes

    @property
    def class_count(self) -> int | None:
        """The number of classes that targets are one-hot for, of a text that of its characters; None where not."""
        if self.text is not None:
            return len(alphabet(self.text))
        return self.class_total if self.labels == "one_hot" else None

    @property
    def shown_names(self) -> tuple[str, ...] | None:
        """The names of classes or outputs that are stated."""
        return self.class_names or (self.classes if isinstance(self.classes, tuple) else None)

    @property
    def masked(self) -> bool:
        """Whether it says which steps of its samples count."""
        keys = (self.lengths, self.length_column, self.length_key, self.mask, self.mask_columns, self.mask_key)
        return any(key is not None for key in keys)

    @property
    def weighted(self) -> bool:
        """Whether its samples have weights."""
        return any(key is not None for key in (self.sample_weights, self.weight_column, self.weight_key))

    def coefficients(self, kinds: Iterable[str | None]) -> bool:
        """Whether the targets are the coefficients of losses that are outputs themselves: no other loss takes them."""
        given = any(key is not None for key in (self.targets, self.target_columns, self.target_key, self.target_file))
        return given and all(kind == VALUE.name for kind in kinds)


class HeldOut(Model):
    """Samples that training never sees, whose loss is `E_held_out`; scaled and filled in as the training data was."""

    share: float | None = Field(
        default=None, gt=0, lt=1, description="this part of the samples is held out, drawn by the seed"
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="of share: the seed of the draw")
    file: str | None = Field(
        default=None, min_length=1, max_length=500, description="a file of its own, read as that of [data]"
    )
    target_file: str | None = Field(
        default=None, min_length=1, max_length=500, description="NPY: the file of its targets"
    )
    rows: str | None = Field(
        default=None, pattern=RANGES, max_length=2000, description="samples of that file, or else of data.file"
    )
    inputs: Nested | None = Field(default=None, description="inline samples, as in [data]")
    targets: Targets | None = Field(default=None, description="their targets")
    lengths: Annotated[tuple[int, ...], Field(strict=False)] | None = Field(
        default=None, description="the lengths of inline sequences"
    )
    mask: Matrix | None = Field(default=None, description="the mask of inline sequences")
    sample_weights: Row | None = Field(default=None, description="the weights of inline samples")

    def table(self, data: Data) -> Data:
        """The `[data]` table that samples of their own are read with; not of a share."""
        keys = ("file", "target_file", "rows", "inputs", "targets", "lengths", "mask", "sample_weights")
        given = {key: getattr(self, key) for key in keys}
        if self.inputs is None and self.targets is None and self.file is None:
            given |= {"file": data.file, "target_file": data.target_file}
        return data.model_copy(update=given)
