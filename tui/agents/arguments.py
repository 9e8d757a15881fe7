"""What the tools are given, as models: their schemas are what an agent reads. Texts are in English, for programs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Size = Literal["term", "step", "layer", "phase", "sample", "iteration", "epoch"]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
_MOMENT = (
    "A moment: 2:1:17 (epoch:iteration:step, each from 1), 2:1 or 2 (the end of an iteration, of an epoch), @120 (a"
    " step by its number), 50%, start, end, or from the cursor +10, -5i, +2e (steps, iterations, epochs)."
)
Moment = Annotated[str, Field(min_length=1, max_length=100, description=_MOMENT, examples=["2:1:17", "end", "+5i"])]


class Arguments(BaseModel):
    """The arguments of a tool."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Of(Arguments):
    """The arguments of a tool that is about a session."""

    session: Annotated[
        str | None,
        Field(max_length=20, description="The id that `open` gave; not needed where one session is open."),
    ] = None


class At(Of):
    """The arguments of a tool that is about a moment."""

    at: Annotated[Moment | None, Field(description=_MOMENT + " By default where the cursor is.")] = None


class ListArguments(Arguments):
    """Of `list`."""

    search: Annotated[
        str, Field(max_length=100, description="Only what has this in its name, title or what it teaches.")
    ] = ""


class OpenArguments(Arguments):
    """Of `open`."""

    source: Annotated[
        Text,
        Field(
            description="A scenario that ships, by its name (`race:adam` for a variant), or a file of the folder: a"
            " scenario (.toml), a saved session (.session.json) or a recorded PyTorch step (.rgrec).",
            examples=["mazur", "my.toml", "step.rgrec"],
        ),
    ]
    at: Annotated[Moment | None, Field(description=_MOMENT + " By default the initial state.")] = None


class StepArguments(Of):
    """Of `step`."""

    by: Annotated[Size, Field(description="How far one motion goes; term is one term of a sum.")] = "step"
    count: Annotated[int, Field(ge=1, le=10_000, description="How many motions.")] = 1
    back: Annotated[bool, Field(description="Backward instead.")] = False
    each: Annotated[bool, Field(description="List the equation of every motion (at most 40), not only the last.")] = (
        False
    )


class SeekArguments(Of):
    """Of `seek`."""

    at: Moment


class RunArguments(Of):
    """Of `run`."""

    epochs: Annotated[
        int | None,
        Field(ge=1, le=10**9, description="To the end of this epoch; by default until a stop rule of the scenario."),
    ] = None
    until: Annotated[
        Text | None,
        Field(description="Stop at the end of the first epoch where this is true.", examples=["E_epoch < 0.01"]),
    ] = None


class ContinueArguments(Of):
    """Of `continue`."""

    to: Annotated[
        Text,
        Field(
            description="A condition, an event or a place: `E < 0.01`, `w5 changes sign`, `E crosses 0.1`,"
            " `W_h becomes nan`, `at backward h`, `at w5`, `on alert`, `on alert dead_relu`.",
            examples=["w5 changes sign"],
        ),
    ]
    back: Annotated[bool, Field(description="To the last such moment before the cursor instead.")] = False


class ValueArguments(At):
    """Of `value`."""

    expressions: Annotated[
        list[Text],
        Field(
            min_length=1,
            max_length=20,
            description="Names or formulas: w5, W_h, net_h1, grad(w5), delta(o1), E, E_epoch, accuracy, max(abs(W_h)).",
            examples=[["w5", "grad(w5)", "grad(w1)/grad(w5)"]],
        ),
    ]


class UsesArguments(Of):
    """Of `uses`."""

    name: Annotated[Text | None, Field(description="A slot; by default what the step at the cursor makes.")] = None


class QueryArguments(Of):
    """Of `query`."""

    query: Annotated[
        Text,
        Field(
            description="first, last, count or all with a condition; max or min with an expression. What has run is"
            " asked; where nothing has, it is run to its stop rule first. Of a recording also the name of an element.",
            examples=["first E < 0.01", "max abs(grad(w1))", "count dead(h1)"],
        ),
    ]
    limit: Annotated[int, Field(ge=1, le=40, description="With `all`: at most so many moments.")] = 20


class WhyArguments(At):
    """Of `why`."""

    name: Annotated[
        Text | None,
        Field(
            description="A gradient, or what has one: w1, grad(w1), out_h1. Of a recording it may be left out: where"
            " the first NaN or infinity came from.",
            examples=["w1"],
        ),
    ] = None
    paths: Annotated[int, Field(ge=1, le=40, description="How many of the largest paths are listed.")] = 5


class DoctorArguments(Of):
    """Of `doctor`."""

    epochs: Annotated[
        int | None, Field(ge=1, le=10**9, description="Run at most so many epochs; by default the scenario's.")
    ] = None


class BranchArguments(Of):
    """Of `branch`."""

    name: Annotated[Text | None, Field(description="The branch to go to; by default they are listed only.")] = None


class CompareArguments(Of):
    """Of `compare`."""

    branch: Annotated[Text | None, Field(description="Another branch of the session.", examples=["main"])] = None
    scenario: Annotated[
        str | None,
        Field(max_length=20, description="The session is a recording: the id of the scenario that was made of it."),
    ] = None


class EditArguments(Of):
    """Of `edit`."""

    values: Annotated[
        dict[Text, float],
        Field(
            min_length=1,
            max_length=200,
            description="New values of slots, by name: weights, inputs, targets, anything computed.",
            examples=[{"w5": 0.7}],
        ),
    ]
    name: Annotated[Text | None, Field(description="The name of the new branch; by default edit1, edit2, ...")] = None
