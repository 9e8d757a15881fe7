"""THE table of tools: a row is a tool with its name, what it is for, its arguments, an example and what does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from retrograde.tui.agents import arguments as given
from retrograde.tui.agents import asking, moving
from retrograde.tui.agents.desk import Desk, Record
from retrograde.tui.agents.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool. Its texts are in English, for programs.

    Attributes:
        name: its name.
        title: its name for people.
        description: what it is for.
        arguments: the model of its arguments.
        example: arguments as one would give them.
        run: does it, and returns plain values.
        changes: whether it changes values of a session, which has to be allowed.
        looks: whether it leaves the cursor and the open sessions as they are.
    """

    name: str
    title: str
    description: str
    arguments: type[given.Arguments]
    example: Mapping[str, Any]
    run: Callable[[Desk, Any, Job], Record]
    changes: bool = False
    looks: bool = False

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments, with the example."""
        found = self.arguments.model_json_schema()
        found.pop("description", None)
        return found | {"title": self.name, "examples": [dict(self.example)]}


TOOLS: tuple[Tool, ...] = (
    Tool(
        name="list",
        title="What can be opened",
        description="Scenarios that ship, files of the folder that can be opened, and the sessions that are open.",
        arguments=given.ListArguments,
        example={"search": "xor"},
        run=asking.listed,
        looks=True,
    ),
    Tool(
        name="open",
        title="Open a session",
        description="Opens a training at its initial state and returns a session id, its layers and names of values.",
        arguments=given.OpenArguments,
        example={"source": "mazur"},
        run=moving.opened,
    ),
    Tool(
        name="close",
        title="Close a session",
        description="Closes a session; nothing is saved.",
        arguments=given.Of,
        example={"session": "s1"},
        run=moving.closed,
    ),
    Tool(
        name="step",
        title="Step",
        description="Moves the cursor forward or back and returns the step there: one equation with its symbols, its"
        " numbers, its result, and for each operand the step that made it.",
        arguments=given.StepArguments,
        example={"by": "layer", "count": 2},
        run=moving.stepped,
    ),
    Tool(
        name="seek",
        title="Go to a moment",
        description="Moves the cursor to any moment of the training; what has not run yet is computed.",
        arguments=given.SeekArguments,
        example={"at": "2:1:17"},
        run=moving.sought,
    ),
    Tool(
        name="run",
        title="Run",
        description="Trains on until a stop rule holds, to an epoch, or until a condition; the cursor goes to the end.",
        arguments=given.RunArguments,
        example={"until": "E_epoch < 0.01"},
        run=moving.ran,
    ),
    Tool(
        name="continue",
        title="Continue to a breakpoint",
        description="Moves the cursor to the next step, or the last one before, where a condition, an event or a place"
        " is hit.",
        arguments=given.ContinueArguments,
        example={"to": "w5 changes sign"},
        run=moving.continued,
    ),
    Tool(
        name="value",
        title="Values",
        description="Values of names and formulas at the cursor or at another moment; the cursor stays.",
        arguments=given.ValueArguments,
        example={"expressions": ["w5", "grad(w1)/grad(w5)"], "at": "2:1"},
        run=asking.valued,
        looks=True,
    ),
    Tool(
        name="uses",
        title="Where a value is read",
        description="The steps of the cursor's iteration that made and that read a value.",
        arguments=given.UsesArguments,
        example={"name": "out_h1"},
        run=asking.used,
        looks=True,
    ),
    Tool(
        name="query",
        title="Ask about the whole run",
        description="When something was true first or last, how often, or where a number was largest or smallest.",
        arguments=given.QueryArguments,
        example={"query": "first E < 0.01"},
        run=asking.queried,
        looks=True,
    ),
    Tool(
        name="why",
        title="Why a gradient is as it is",
        description="Says why a gradient is tiny, huge, zero or not a number, with the account by layer and the largest"
        " paths; of a dead one when it died, what pushed it, and what would revive it.",
        arguments=given.WhyArguments,
        example={"name": "w1"},
        run=asking.why,
        looks=True,
    ),
    Tool(
        name="doctor",
        title="What is wrong with the training",
        description="Runs the training beside the session, looks at it by every rule, and names the cause first.",
        arguments=given.DoctorArguments,
        example={"epochs": 100},
        run=asking.doctored,
        looks=True,
    ),
    Tool(
        name="flow",
        title="The gradient layer by layer",
        description="How large the gradient is at each layer, and what each makes of it, at the cursor or elsewhere.",
        arguments=given.At,
        example={"at": "1:1"},
        run=asking.flowed,
        looks=True,
    ),
    Tool(
        name="branch",
        title="Branches",
        description="Lists the branches of a session, or goes to one, where its cursor was left.",
        arguments=given.BranchArguments,
        example={"name": "main"},
        run=moving.branched,
    ),
    Tool(
        name="compare",
        title="Compare",
        description="The cursor's branch beside another one at the same moment, and the first step that differs; or a"
        " recorded PyTorch step beside a scenario, and the first operator that differs.",
        arguments=given.CompareArguments,
        example={"branch": "main"},
        run=asking.compared,
        looks=True,
    ),
    Tool(
        name="edit",
        title="Edit on a branch",
        description="Gives slots other values at the cursor: time forks, and the session goes on in the new branch. No"
        " file is changed.",
        arguments=given.EditArguments,
        example={"values": {"w5": 0.7}},
        run=moving.edited,
        changes=True,
    ),
)
