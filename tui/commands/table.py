"""THE table of commands: bindings, footer, help screen, command palette and the README's key table come from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from retrograde.engine.text import _


class Group(Enum):
    """A heading of the help screen."""

    MOTION = "motion"
    GOTO = "goto"
    RUN = "run"
    DEBUG = "debug"
    CHANGE = "change"
    SELECT = "select"
    SCREEN = "screen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something that can be done from the keyboard.

    Attributes:
        id: the name; the screen has a method ``do_<id>``.
        keys: Textual's names of its keys, the first one first.
        title: what it does, in a few words.
        help: one sentence.
        group: where the help screen lists it.
        footer: its rank in the footer, 0 for not there.
        short: the word in the footer.
        back: the id of the same motion backward, listed in the same row.
        palette: whether the command palette offers it.
        row: what the row of the key table says that it shares with other commands.
        line: how it is written on the command line, such as ``set NAME VALUE``; the screen has a method
            ``line_<id>`` for what follows the first word. A command without keys is only written.
    """

    id: str
    keys: tuple[str, ...] = ()
    title: str
    help: str
    group: Group
    footer: int = 0
    short: str = ""
    back: str = ""
    palette: bool = True
    row: str = ""
    line: str = ""

    @property
    def word(self) -> str:
        """The first word of the command on the command line; empty for none."""
        return self.line.partition(" ")[0]

    @property
    def shown(self) -> str:
        """The key of the command for people, or what is written on the command line."""
        return key_name(self.keys[0]) if self.keys else f":{self.word}"


def _pair(
    name: str,
    keys: tuple[str, ...],
    back_keys: tuple[str, ...],
    titles: tuple[str, str],
    sentence: str,
    *,
    footer: int = 0,
    short: str = "",
    group: Group = Group.MOTION,
) -> tuple[Command, Command]:
    forward = Command(
        id=name,
        keys=keys,
        title=titles[0],
        help=sentence,
        group=group,
        footer=footer,
        short=short,
        back=f"{name}_back",
    )
    backward = Command(id=f"{name}_back", keys=back_keys, title=titles[1], help=sentence, group=group)
    return forward, backward


def commands() -> tuple[Command, ...]:
    """The table, in the language in use."""
    return (
        *_pair(
            "step",
            ("right", "s", "f11"),
            ("left", "S", "shift+f11"),
            (_("step forward"), _("step back")),
            _("One step: one number of the iteration."),
            footer=1,
            short=_("step"),
        ),
        *_pair(
            "term",
            ("i",),
            ("I",),
            (_("into the terms"), _("back through the terms")),
            _("One summand of the step; the running sum is a number that existed."),
            footer=11,
            short=_("term"),
        ),
        *_pair(
            "layer",
            ("n", "f10"),
            ("N", "shift+f10"),
            (_("next layer"), _("previous layer")),
            _("To the end of this layer's steps in this pass."),
            footer=2,
            short=_("layer"),
        ),
        *_pair(
            "phase",
            ("f",),
            ("F",),
            (_("end of this pass"), _("start of this pass")),
            _("To the end of the forward pass, the loss, the backward pass or the update."),
            footer=3,
            short=_("pass"),
        ),
        *_pair(
            "sample",
            ("v",),
            ("V",),
            (_("next sample"), _("previous sample")),
            _("To the end of this sample of the batch."),
        ),
        *_pair(
            "iteration",
            ("right_square_bracket",),
            ("left_square_bracket",),
            (_("next iteration"), _("previous iteration")),
            _("One batch: forward, loss, backward, update."),
            footer=4,
            short=_("iteration"),
        ),
        *_pair(
            "epoch",
            ("right_curly_bracket",),
            ("left_curly_bracket",),
            (_("next epoch"), _("previous epoch")),
            _("One pass over the data."),
        ),
        *_pair(
            "row",
            ("t",),
            ("T",),
            (_("to the selected row"), _("back to the selected row")),
            _("To the next step that makes the gradient or the new value of the selected parameter."),
            group=Group.GOTO,
        ),
        Command(
            id="origin",
            keys=("w",),
            title=_("where from"),
            help=_("To the step that made the selected operand; Backspace returns."),
            group=Group.GOTO,
            footer=9,
            short=_("where from"),
        ),
        Command(
            id="uses",
            keys=("W",),
            title=_("where used"),
            help=_("The steps that read this value, or the selected operand; choose one to go there."),
            group=Group.GOTO,
        ),
        Command(
            id="enter",
            keys=("enter",),
            title=_("go to the selection"),
            help=_("To the step that made what is selected."),
            group=Group.GOTO,
            palette=False,
        ),
        Command(
            id="return",
            keys=("backspace", "ctrl+o"),
            title=_("return from a jump"),
            help=_("Where the last jump came from, and the one before it."),
            group=Group.GOTO,
        ),
        Command(
            id="forth",
            keys=("ctrl+n",),
            title=_("forth again"),
            help=_("To the place that was left by returning."),
            group=Group.GOTO,
        ),
        Command(
            id="mark",
            keys=("m",),
            title=_("mark this moment"),
            help=_("With a letter, which stands on the timeline."),
            group=Group.GOTO,
            line="mark LETTER",
        ),
        Command(
            id="go_to_mark",
            keys=("apostrophe",),
            title=_("go to a mark"),
            help=_("By its letter; Backspace returns."),
            group=Group.GOTO,
        ),
        Command(
            id="start",
            keys=("g",),
            title=_("start of the run"),
            help=_("The initial state, before the first step."),
            group=Group.GOTO,
        ),
        Command(
            id="end",
            keys=("G",),
            title=_("end of what was run"),
            help=_("The furthest moment that was reached."),
            group=Group.GOTO,
        ),
        Command(
            id="line",
            keys=("colon",),
            title=_("command line"),
            help=_(
                ":2:1:17 epoch, iteration, step · :120 step 120 · :50% half way · :+100 steps, :+5i iterations, :-1e "
                "epochs from here · :run 100 epochs · :quit; Tab completes, ↑ brings back what was written before."
            ),
            group=Group.GOTO,
            footer=12,
            short=_("go to"),
        ),
        Command(
            id="run",
            keys=("r",),
            title=_("run until it converges"),
            help=_("Until a stop rule of the scenario ends it; the screen stays usable."),
            group=Group.RUN,
            line="run EPOCHS",
            footer=6,
            short=_("run"),
        ),
        Command(
            id="pause",
            keys=("space", "ctrl+c", "escape"),
            title=_("pause the run"),
            help=_("Stops at the end of the iteration; r goes on. Cancels a search."),
            group=Group.RUN,
        ),
        Command(
            id="restart",
            keys=("0",),
            title=_("restart"),
            help=_("Forgets the run and starts again with the same seed; breakpoints and watches stay."),
            group=Group.RUN,
        ),
        *_pair(
            "continue",
            ("c", "f5"),
            ("C", "shift+f5"),
            (_("continue"), _("continue backward")),
            _("To the next, or the previous, hit of a breakpoint; without one, to where the run ends or began."),
            footer=5,
            short=_("continue"),
            group=Group.DEBUG,
        ),
        Command(
            id="break_here",
            keys=("b",),
            title=_("breakpoint here"),
            help=_("Where the value of this step is made, in every iteration; again removes it."),
            group=Group.DEBUG,
            footer=8,
            short=_("break"),
        ),
        Command(
            id="break_change",
            keys=("x",),
            title=_("break when this value changes"),
            help=_("The selected parameter, operand or neuron, or the value of this step; again removes it."),
            group=Group.DEBUG,
        ),
        Command(
            id="break",
            title=_("set a breakpoint"),
            help=_("break E < 0.01 · w5 changes sign · E crosses 0.1 · W_h becomes nan · at backward o · at w5."),
            group=Group.DEBUG,
            line="break CONDITION [once] [hit N] [after N]",
        ),
        Command(
            id="log",
            title=_("print values"),
            help=_("log w5, E if E < 0.1 · log delta(h1) at update: without stopping, over the past too."),
            group=Group.DEBUG,
            line="log EXPRESSION, ... if CONDITION",
        ),
        Command(
            id="watch",
            keys=("a",),
            title=_("watch an expression"),
            help=_("Its value at each step, its last change, its curve over the run."),
            group=Group.DEBUG,
            line="watch EXPRESSION",
        ),
        Command(
            id="delete",
            keys=("delete",),
            title=_("delete the selected row"),
            help=_("A breakpoint, watch or mark of the debug panel; delete 2 by its number, delete all."),
            group=Group.DEBUG,
            line="delete NUMBER",
        ),
        Command(
            id="enable",
            title=_("switch a breakpoint on"),
            help=_("By its number; Enter in the debug panel switches the selected one."),
            group=Group.DEBUG,
            line="enable NUMBER",
        ),
        Command(
            id="disable",
            title=_("switch a breakpoint off"),
            help=_("By its number; it stays in the list."),
            group=Group.DEBUG,
            line="disable NUMBER",
        ),
        Command(
            id="first",
            title=_("when for the first time"),
            help=_("first E < 0.01: goes to the first moment of the run at which it is true."),
            group=Group.DEBUG,
            line="first CONDITION",
        ),
        Command(
            id="last",
            title=_("when for the last time"),
            help=_("last sign(w5) != sign(prev(w5)): goes to the last such moment."),
            group=Group.DEBUG,
            line="last CONDITION",
        ),
        Command(
            id="count",
            title=_("how often"),
            help=_("count E > prev(E): at how many moments of the run."),
            group=Group.DEBUG,
            line="count CONDITION",
        ),
        Command(
            id="all",
            title=_("every time"),
            help=_("all out_o1 > 0.9: lists the moments in the debug panel; Enter goes to one."),
            group=Group.DEBUG,
            line="all CONDITION",
        ),
        Command(
            id="max",
            title=_("where it is largest"),
            help=_("max abs(grad(w1)): goes to the first moment of the run at which it is."),
            group=Group.DEBUG,
            line="max EXPRESSION",
        ),
        Command(
            id="min",
            title=_("where it is smallest"),
            help=_("min E: goes to the first moment of the run at which it is."),
            group=Group.DEBUG,
            line="min EXPRESSION",
        ),
        Command(
            id="edit",
            keys=("e",),
            title=_("edit this value"),
            help=_("The selected parameter, operand or neuron, or the value of this step; time forks here."),
            group=Group.CHANGE,
            footer=10,
            short=_("edit"),
        ),
        Command(
            id="set",
            title=_("give a value by name"),
            help=_("set w5 0.7 · set lr 0.1 · set i1 nan · set w5 = 0.7; w6 = 0: forks time like e."),
            group=Group.CHANGE,
            line="set NAME NUMBER",
        ),
        Command(
            id="drop",
            title=_("drop a sample"),
            help=_("Takes a sample, by default the one on the screen, out of this iteration; time forks."),
            group=Group.CHANGE,
            line="drop SAMPLE",
        ),
        Command(
            id="undo",
            keys=("u",),
            title=_("undo the edit"),
            help=_("Takes back the edit that made this branch, and goes back to where it departs."),
            group=Group.CHANGE,
            line="undo",
        ),
        Command(
            id="branches",
            keys=("7",),
            title=_("branches"),
            help=_("Lists the branches: Enter goes to one, d shows every value that differs, and both loss curves."),
            group=Group.CHANGE,
        ),
        Command(
            id="branch",
            title=_("go to a branch"),
            help=_("By its name, where its cursor was left."),
            group=Group.CHANGE,
            line="branch NAME",
        ),
        Command(
            id="rename",
            title=_("rename the branch"),
            help=_("Gives the branch on the screen another name."),
            group=Group.CHANGE,
            line="rename NAME",
        ),
        Command(
            id="compare",
            title=_("compare with a branch"),
            help=_("Both at the same moment: every value that differs, and the first step that does."),
            group=Group.CHANGE,
            line="compare NAME",
        ),
        Command(
            id="note",
            title=_("note something on this step"),
            help=_("It is shown with the step and saved with the session; without a text the note goes."),
            group=Group.CHANGE,
            line="note TEXT",
        ),
        Command(
            id="notes",
            title=_("list the notes"),
            help=_("Choose one to go there."),
            group=Group.CHANGE,
            line="notes",
        ),
        Command(
            id="save",
            title=_("save the session"),
            help=_("Branches, breakpoints, watches, marks, notes; save! overwrites a file of another session."),
            group=Group.CHANGE,
            line="save FILE",
        ),
        Command(
            id="down",
            keys=("down", "j"),
            title=_("selection down"),
            help=_("The next row of the panel that has the focus."),
            group=Group.SELECT,
            back="up",
            palette=False,
        ),
        Command(
            id="up",
            keys=("up", "k"),
            title=_("selection up"),
            help=_("The previous row of the panel that has the focus."),
            group=Group.SELECT,
            palette=False,
        ),
        Command(
            id="page_down",
            keys=("pagedown",),
            title=_("ten rows down"),
            help=_("Ten rows further in the panel that has the focus."),
            group=Group.SELECT,
            back="page_up",
            palette=False,
        ),
        Command(
            id="page_up",
            keys=("pageup",),
            title=_("ten rows up"),
            help=_("Ten rows back in the panel that has the focus."),
            group=Group.SELECT,
            palette=False,
        ),
        Command(
            id="search",
            keys=("slash",),
            title=_("search the weights"),
            help=_("Selects the next parameter whose name has this text: w12, W_h[3, b_o."),
            group=Group.SELECT,
        ),
        Command(
            id="match",
            keys=("comma",),
            title=_("next match"),
            help=_("The next parameter that was searched for."),
            group=Group.SELECT,
            back="match_back",
        ),
        Command(
            id="match_back",
            keys=("full_stop",),
            title=_("previous match"),
            help=_("The previous parameter that was searched for."),
            group=Group.SELECT,
        ),
        Command(
            id="panel_next",
            keys=("tab",),
            title=_("next panel"),
            help=_("The arrows then move in that panel; a number chooses one."),
            group=Group.SCREEN,
            back="panel_back",
        ),
        Command(
            id="panel_back",
            keys=("shift+tab",),
            title=_("previous panel"),
            help=_("The panel before this one."),
            group=Group.SCREEN,
        ),
        *(
            Command(
                id=f"panel_{number}",
                keys=(str(number),),
                title=title,
                help=_("Gives the panel the focus; where panels are tabs, brings it to the front."),
                group=Group.SCREEN,
                row=_("panels: network, equation, weights, loss, timeline, debug"),
            )
            for number, title in enumerate(
                (
                    _("network panel"),
                    _("equation panel"),
                    _("weights panel"),
                    _("loss panel"),
                    _("timeline panel"),
                    _("debug panel"),
                ),
                1,
            )
        ),
        Command(
            id="zoom",
            keys=("z",),
            title=_("enlarge the panel"),
            help=_("The panel with the focus takes the whole screen; again for all panels."),
            group=Group.SCREEN,
        ),
        Command(
            id="precision",
            keys=("p",),
            title=_("digits of the numbers"),
            help=_("Nine digits, all digits that a float64 has, or five."),
            group=Group.SCREEN,
        ),
        Command(
            id="theme",
            keys=("d",),
            title=_("dark or light"),
            help=_("Changes between the dark and the light theme."),
            group=Group.SCREEN,
        ),
        Command(
            id="open",
            keys=("o",),
            title=_("open a scenario"),
            help=_("Chooses another scenario."),
            group=Group.SCREEN,
        ),
        Command(
            id="help",
            keys=("question_mark",),
            title=_("help"),
            help=_("All keys."),
            group=Group.SCREEN,
            footer=7,
            short=_("help"),
        ),
        Command(
            id="palette",
            keys=("ctrl+p",),
            title=_("command palette"),
            help=_("Every command by its name."),
            group=Group.SCREEN,
            palette=False,
        ),
        Command(
            id="quit",
            keys=("q",),
            title=_("quit"),
            help=_("Leaves Retrograde."),
            group=Group.SCREEN,
            line="quit",
            footer=13,
            short=_("quit"),
        ),
    )


def group_title(group: Group) -> str:
    """The heading of a group."""
    return {
        Group.MOTION: _("Moving (capitals go backward)"),
        Group.GOTO: _("Going somewhere"),
        Group.RUN: _("Running"),
        Group.DEBUG: _("Stopping, watching, searching"),
        Group.CHANGE: _("Changing what happened, and keeping it"),
        Group.SELECT: _("Selecting"),
        Group.SCREEN: _("The screen"),
    }[group]


_SHOWN = {
    "right": "→",
    "left": "←",
    "up": "↑",
    "down": "↓",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "right_curly_bracket": "}",
    "left_curly_bracket": "{",
    "colon": ":",
    "slash": "/",
    "comma": ",",
    "full_stop": ".",
    "question_mark": "?",
    "space": "Space",
    "enter": "Enter",
    "backspace": "Backspace",
    "escape": "Esc",
    "delete": "Del",
    "apostrophe": "'",
    "tab": "Tab",
    "shift+tab": "Shift-Tab",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "g": "g g",
}


def key_name(key: str) -> str:
    """How a key is written for people."""
    if key in _SHOWN:
        return _SHOWN[key]
    if key.startswith("ctrl+"):
        return "Ctrl-" + key[5:].upper()
    if key.startswith("shift+"):
        return "Shift-" + key_name(key[6:])
    return key.upper() if len(key) > 1 else key


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A row of the help screen and of the README: the keys of a command and of its opposite, in groups."""

    groups: tuple[tuple[str, ...], ...]
    title: str
    help: str
    group: Group

    @property
    def keys(self) -> str:
        """The keys in one line."""
        return "  ".join(" ".join(group) for group in self.groups)


def key_rows() -> list[KeyRow]:
    """The rows of the key table: a command and its opposite in one, and commands that share a row."""
    table = commands()
    by_id = {command.id: command for command in table}
    opposite = {command.back for command in table if command.back}
    rows: list[KeyRow] = []
    shared: dict[str, int] = {}
    for command in table:
        if command.id in opposite:
            continue
        if command.row in shared:
            at = shared[command.row]
            first = rows[at].groups[0]
            rows[at] = replace(rows[at], groups=((*first, key_name(command.keys[0])),))
            continue
        title = command.row or command.title
        if command.row:
            shared[command.row] = len(rows)
        groups: tuple[tuple[str, ...], ...] = tuple((key_name(key),) for key in command.keys)
        if command.line:
            groups = (*groups, (f":{command.line}",))
        if command.back:
            back = by_id[command.back]
            groups = tuple(
                (key_name(a),) if b.startswith("shift+f") else (key_name(a), key_name(b))
                for a, b in zip(command.keys, back.keys, strict=True)
            )
            title = f"{command.title}, {back.title}"
        rows.append(KeyRow(groups=groups, title=title, help=command.help, group=command.group))
    return rows


def footer_keys() -> tuple[tuple[str, str], ...]:
    """Keys and words of the footer, the most important first."""
    table = commands()
    by_id = {command.id: command for command in table}
    found = []
    for command in sorted((c for c in table if c.footer), key=lambda c: c.footer):
        keys = key_name(command.keys[0])
        if command.back:
            keys += "/" + key_name(by_id[command.back].keys[0])
        found.append((keys, command.short))
    return tuple(found)


def key_table() -> str:
    """The key table of the README, in Markdown."""
    lines = ["| keys | what they do |", "| --- | --- |"]
    for row in key_rows():
        keys = " ".join(f"`{key}`" for group in row.groups for key in group)
        lines.append(f"| {keys} | {row.title}: {row.help[0].lower() + row.help[1:]} |")
    return "\n".join(lines) + "\n"
