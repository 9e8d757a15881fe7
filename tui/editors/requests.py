"""What the requests of an editor hold, as models; what they hold besides is not looked at."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Given(BaseModel):
    """The arguments of a request."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class Initialize(Given):
    """Of `initialize`."""

    lines_start_at1: Annotated[bool, Field(alias="linesStartAt1")] = True
    supports_invalidated_event: bool = False
    supports_progress_reporting: bool = False


class Launch(Given):
    """Of `launch`, `attach` and `restart`.

    Attributes:
        program: the scenario, the saved session or the recording; so editors call what is debugged.
        scenario: the same.
        at: where to begin.
        until: a breakpoint to go on to before the first stop.
        data: a file of samples that replaces that of the scenario.
        stop_on_entry: whether to stop at the beginning.
        step: how far `next` goes.
        no_debug: run to the end and stop nowhere.
    """

    program: str | None = None
    scenario: str | None = None
    at: str | None = None
    until: str | None = None
    data: str | None = None
    stop_on_entry: bool = True
    step: str = "step"
    no_debug: bool = False


class Restart(Given):
    """Of `restart`."""

    arguments: Launch | None = None


class Place(Given):
    """A file, or a text of ours by its reference."""

    path: str | None = None
    source_reference: int | None = None


class LineBreakpoint(Given):
    """A breakpoint at a line."""

    line: int
    condition: str | None = None
    hit_condition: str | None = None
    log_message: str | None = None


class SetBreakpoints(Given):
    """Of `setBreakpoints`."""

    source: Place
    breakpoints: list[LineBreakpoint] = []


class NamedBreakpoint(Given):
    """A breakpoint by a name or an expression."""

    name: str
    condition: str | None = None
    hit_condition: str | None = None


class SetFunctionBreakpoints(Given):
    """Of `setFunctionBreakpoints`."""

    breakpoints: list[NamedBreakpoint]


class DataBreakpoint(Given):
    """A breakpoint at a value."""

    data_id: str
    condition: str | None = None
    hit_condition: str | None = None


class SetDataBreakpoints(Given):
    """Of `setDataBreakpoints`."""

    breakpoints: list[DataBreakpoint]


class FilterOption(Given):
    """A filter of exceptions that is on, with its condition."""

    filter_id: str
    condition: str | None = None


class SetExceptionBreakpoints(Given):
    """Of `setExceptionBreakpoints`."""

    filters: list[str] = []
    filter_options: list[FilterOption] = []


class DataInfo(Given):
    """Of `dataBreakpointInfo`."""

    name: str
    variables_reference: int = 0


class Lines(Given):
    """Of `breakpointLocations` and `gotoTargets`."""

    source: Place
    line: int
    end_line: int | None = None


class Motion(Given):
    """Of `next`, `stepIn`, `stepOut`, `stepBack`, `continue`, `reverseContinue` and `pause`."""

    granularity: str = "statement"


class Goto(Given):
    """Of `goto`."""

    target_id: int


class StackTrace(Given):
    """Of `stackTrace`."""

    start_frame: int = 0
    levels: int = 0


class OfFrame(Given):
    """Of `scopes` and `restartFrame`."""

    frame_id: int


class ValueFormat(Given):
    """How numbers are written."""

    hex: bool = False


class Variables(Given):
    """Of `variables`."""

    variables_reference: int
    filter: str | None = None
    start: int = 0
    count: int = 0
    format: ValueFormat = ValueFormat()


class SetVariable(Given):
    """Of `setVariable`."""

    variables_reference: int
    name: str
    value: str
    format: ValueFormat = ValueFormat()


class SetExpression(Given):
    """Of `setExpression`."""

    expression: str
    value: str
    format: ValueFormat = ValueFormat()


class Evaluate(Given):
    """Of `evaluate`."""

    expression: str
    context: str = "repl"
    format: ValueFormat = ValueFormat()


class Completions(Given):
    """Of `completions`."""

    text: str
    column: int


class Source(Given):
    """Of `source`."""

    source: Place | None = None
    source_reference: int = 0


class Nothing(Given):
    """Of what needs nothing."""


class Raw(Given):
    """Of what is passed on."""

    model_config = ConfigDict(extra="allow")

    request_id: Any = None
