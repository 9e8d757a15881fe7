"""The words of the languages that are written in Retrograde: of formulas, breakpoints, queries and scalar graphs.

Plain tables of strings, each stated here alone: the readers of formulas and assignments go by them, Tab completes them,
and a scenario file may not give them away as names (``WORDS``). They stand in the lowest room because a file is checked
before there is anything that a formula could be about.
"""

from __future__ import annotations

from collections.abc import Mapping

from retrograde.engine.equations.array import Phase

PHASES = tuple(phase.value for phase in Phase)
"""What ``phase`` is compared with, and places of a breakpoint: ``at backward``."""

POSITIONS = ("epoch", "iteration", "sample", "step", "phase")
"""The parts of the moment at which a formula is decided."""

EPOCH_NAMES = ("E_epoch", "E_data", "E_held_out", "accuracy")
"""Numbers that are known at the end of an epoch only; they stand where a formula is decided there."""

JOINING = ("and", "or", "not")
"""What joins conditions."""

NAMING = ("grad", "delta", "slope", "new")
"""What stands before a bracket with a name in it, and makes another name: ``grad(w5)``."""

PREVIOUS = "prev"
"""What stands before a formula whose slots are those of the iteration before."""

WRAPPERS = (*NAMING, PREVIOUS)
"""What stands before a bracket and says which value of a slot is meant."""

REDUCING = ("min", "max", "mean", "norm", "any", "all", "count")
"""Functions that make one value of several; min and max also of several arguments, element by element."""

SCALAR = ("abs", "sign", "isnan", "isinf", "sqrt")
"""Functions of one number, element by element."""

FUNCTIONS = (*WRAPPERS, *REDUCING, *SCALAR, "sum")
"""All that stands before a bracket in a formula of any network."""

EVENTS = ("changes", "changes sign", "crosses", "becomes nan", "stops changing")
"""What a data breakpoint waits for, behind the name of a slot."""

STOPPING = ("at", "if", "once", "hit", "after")
"""The words of a breakpoint before a place or a condition, and behind it."""

MOMENTS = ("start", "end")
"""The moments that have a name."""

QUERIES = ("first", "last", "count", "all", "max", "min")
"""What a question about a run begins with."""

GRAPH_FUNCTIONS: Mapping[str, int] = {
    "exp": 1,
    "log": 1,
    "sqrt": 1,
    "abs": 1,
    "sin": 1,
    "cos": 1,
    "tanh": 1,
    "sigmoid": 1,
    "relu": 1,
    "max": 2,
}
"""The functions of scalar graphs, with how many arguments they take; log is the natural logarithm."""

WORDS = frozenset((*PHASES, *POSITIONS, *EPOCH_NAMES, *JOINING, *FUNCTIONS, *STOPPING, *MOMENTS))
"""The words of formulas and breakpoints that would mean two things if something in a network were called so.

The words of events and of queries are not among them: they stand where no name can.
"""
