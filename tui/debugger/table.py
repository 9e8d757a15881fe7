"""THE table of commands: what a key does, and all that is said of it. Adding a command is adding a row.

Bindings, footer, help screen, command palette, command line and the README's key table come from it. A row names its
function: ``act`` is done for a key, ``obey`` for what is written, and ``early`` while there is no session yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrograde.engine.text import N_
from retrograde.tui.commands.command import Command, Group
from retrograde.tui.commands.keys import key_rows
from retrograde.tui.debugger.panels.panel import PanelRow
from retrograde.tui.debugger.panels.table import PANELS

if TYPE_CHECKING:
    from retrograde.tui.debugger.panelled import PanelledScreen
    from retrograde.tui.debugger.parts import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Command):
    """A command, with what it does.

    Attributes:
        act: what its key does; None for a key that begins to write it.
        obey: what it does with what is written after its word; None for the same as its key.
        early: what its key does while there is no session, and with one too where ``act`` is None.
        when: says why it is not possible now; empty where it is.
        runs: whether it needs a training that runs here, which a recording is none of.
    """

    act: Callable[[Parts], None] | None = None
    obey: Callable[[Parts, str], None] | None = None
    early: Callable[[PanelledScreen], None] | None = None
    when: Callable[[Parts], str] | None = None
    runs: bool = False


def _pair(
    name: str,
    acts: tuple[Callable[[Parts], None], Callable[[Parts], None]],
    keys: tuple[str, ...],
    back_keys: tuple[str, ...],
    titles: tuple[str, str],
    sentence: str,
    *,
    footer: int = 0,
    short: str = "",
    group: Group = Group.MOTION,
    whens: tuple[Callable[[Parts], str] | None, Callable[[Parts], str] | None] = (None, None),
) -> tuple[Row, Row]:
    """A command and the same backward, listed in one row."""
    forward = Row(
        id=name,
        keys=keys,
        title=titles[0],
        help=sentence,
        group=group,
        footer=footer,
        short=short,
        back=f"{name}_back",
        act=acts[0],
        when=whens[0],
    )
    backward = Row(
        id=f"{name}_back", keys=back_keys, title=titles[1], help=sentence, group=group, act=acts[1], when=whens[1]
    )
    return forward, backward


def _motion(
    granularity: str,
    keys: tuple[str, ...],
    back_keys: tuple[str, ...],
    titles: tuple[str, str],
    sentence: str,
    *,
    footer: int = 0,
    short: str = "",
) -> tuple[Row, Row]:
    """Moving by a granularity, and back."""
    return _pair(
        granularity,
        (lambda on: on.moving.motion(granularity), lambda on: on.moving.motion(granularity, back=True)),
        keys,
        back_keys,
        titles,
        sentence,
        footer=footer,
        short=short,
        whens=(lambda on: on.moving.why_not_on, lambda on: on.moving.why_not_back),
    )


def _panel(panel: PanelRow) -> Row:
    """Giving a panel the focus."""
    return Row(
        id=f"panel_{panel.key}",
        keys=(panel.key,),
        title=panel.command,
        help=N_("Gives the panel the focus; where panels are tabs, brings it to the front."),
        group=Group.SCREEN,
        row=N_("panels: {names}"),
        names=tuple(each.title for each in PANELS),
        early=lambda screen: screen.focus_on(panel.id),
    )


def _picture(name: str, of: str, title: str, sentence: str) -> Row:
    """Showing a picture of the run by a word of its own."""
    return Row(
        id=f"picture_{name}",
        runs=True,
        title=title,
        help=sentence,
        group=Group.WHY,
        line=f"{name} {of}".strip(),
        act=lambda on: on.picturing.show_key(name),
        obey=lambda on, text: on.picturing.show(f"{name} {text}"),
    )


COMMANDS: tuple[Row, ...] = (
    *_motion(
        "step",
        ("right", "s", "f11"),
        ("left", "S", "shift+f11"),
        (N_("step forward"), N_("step back")),
        N_("One step: one number of the iteration."),
        footer=1,
        short=N_("step"),
    ),
    *_motion(
        "term",
        ("i",),
        ("I",),
        (N_("into the terms"), N_("back through the terms")),
        N_("One summand of the step; the running sum is a number that existed."),
        footer=13,
        short=N_("term"),
    ),
    *_motion(
        "layer",
        ("n", "f10"),
        ("N", "shift+f10"),
        (N_("next layer"), N_("previous layer")),
        N_("To the end of this layer's steps in this pass."),
        footer=2,
        short=N_("layer"),
    ),
    *_motion(
        "phase",
        ("f",),
        ("F",),
        (N_("end of this pass"), N_("start of this pass")),
        N_("To the end of the forward pass, the loss, the backward pass or the update."),
        footer=8,
        short=N_("pass"),
    ),
    *_motion(
        "sample",
        ("v",),
        ("V",),
        (N_("next sample"), N_("previous sample")),
        N_("To the end of this sample of the batch."),
    ),
    *_motion(
        "iteration",
        ("right_square_bracket",),
        ("left_square_bracket",),
        (N_("next iteration"), N_("previous iteration")),
        N_("One batch: forward, loss, backward, update."),
        footer=3,
        short=N_("iteration"),
    ),
    *_motion(
        "epoch",
        ("right_curly_bracket",),
        ("left_curly_bracket",),
        (N_("next epoch"), N_("previous epoch")),
        N_("One pass over the data."),
    ),
    Row(
        id="why",
        keys=("h",),
        title=N_("why is this gradient so"),
        help=N_("Of the selected value, or the step's: tiny, huge, 0 or NaN, layer by layer; why w1, why delta(h1)."),
        group=Group.WHY,
        line="why NAME",
        footer=5,
        short=N_("why"),
        act=lambda on: on.explaining.why_key(),
        obey=lambda on, name: on.explaining.why(name),
    ),
    Row(
        id="doctor",
        keys=("D",),
        title=N_("what is wrong with the run"),
        help=N_("The doctor names the cause, what follows from it and what to do; Enter goes to where it began."),
        group=Group.WHY,
        line="doctor EPOCHS",
        footer=6,
        short=N_("doctor"),
        act=lambda on: on.doctoring.show(),
        obey=lambda on, epochs: on.doctoring.show(epochs),
    ),
    Row(
        id="flow",
        keys=("L",),
        title=N_("flow of the gradient by layer"),
        help=N_("How large it is at each layer, what each makes of it, and how fast each learns; over the run too."),
        group=Group.WHY,
        line="flow",
        act=lambda on: on.explaining.flow(),
        obey=lambda on, _rest: on.explaining.flow(),
    ),
    Row(
        id="chain",
        keys=("H",),
        title=N_("whole chain of this gradient"),
        help=N_("Down to E as a tree: path by path, by what it goes through, term by term; chain w1, chain out_h1."),
        group=Group.WHY,
        line="chain NAME",
        act=lambda on: on.explaining.chain_key(),
        obey=lambda on, name: on.explaining.chain(name),
    ),
    Row(
        id="biography",
        runs=True,
        keys=("B",),
        title=N_("biography of a weight"),
        help=N_("What moved the selected parameter, by row of the data, cause or time; Enter goes to the moment."),
        group=Group.WHY,
        line="biography NAME",
        act=lambda on: on.telling.biography(),
        obey=lambda on, name: on.telling.biography(name),
    ),
    Row(
        id="published",
        runs=True,
        keys=("P",),
        title=N_("published figures"),
        help=N_("What the source printed beside what is computed, and who is right; Enter goes to the step."),
        group=Group.WHY,
        line="published",
        act=lambda on: on.publishing.show(),
        obey=lambda on, _rest: on.publishing.show(),
        when=lambda on: on.publishing.why_not,
    ),
    Row(
        id="samples",
        runs=True,
        keys=("9",),
        title=N_("samples: which are wrong"),
        help=N_(
            "Every sample at the cursor's parameters, the worst first: target, output, loss; Enter goes to one. "
            "samples wrong, samples 3, samples 3>8."
        ),
        group=Group.WHY,
        line="samples FILTER",
        act=lambda on: on.explaining.samples(),
        obey=lambda on, text: on.explaining.samples(text),
    ),
    Row(
        id="misclassified",
        runs=True,
        title=N_("misclassified samples"),
        help=N_("The samples that are not classified rightly, the largest loss first."),
        group=Group.WHY,
        line="misclassified",
        act=lambda on: on.explaining.samples("wrong"),
        obey=lambda on, _rest: on.explaining.samples("wrong"),
    ),
    Row(
        id="neuron",
        keys=("U",),
        title=N_("neurons: which are dead"),
        help=N_("Over all samples: how often each is 0, its mean, what it weighs, the class it answers to; neuron h5."),
        group=Group.WHY,
        line="neuron NAME",
        runs=True,
        act=lambda on: on.explaining.neuron_key(),
        obey=lambda on, name: on.explaining.neuron(name),
    ),
    Row(
        id="confusion",
        runs=True,
        title=N_("confusion matrix"),
        help=N_("How often each class is taken for each other; Enter shows the samples."),
        group=Group.WHY,
        line="confusion",
        act=lambda on: on.explaining.samples(matrix=True),
        obey=lambda on, _rest: on.explaining.samples(matrix=True),
    ),
    Row(
        id="picture",
        runs=True,
        keys=("X",),
        title=N_("pictures of the run"),
        help=N_("Loss, boundary, plane of two weights, histograms, inputs: picture boundary h1, picture plane w1 w5."),
        group=Group.WHY,
        line="picture NAME",
        act=lambda on: on.picturing.show_key(),
        obey=lambda on, text: on.picturing.show(text),
    ),
    *map(
        _picture,
        ("boundary", "plane", "histogram", "inputs"),
        ("NEURON", "WEIGHT WEIGHT", "LAYER", ""),
        (
            N_("picture of the decision boundary"),
            N_("picture of the plane of two weights"),
            N_("picture of histograms"),
            N_("picture of inputs and weights"),
        ),
        (
            N_("What the network, or a neuron, answers all over a plane of two inputs, with the samples on it."),
            N_("The loss over two weights, and the way of the run through it; plane w1 w5."),
            N_("How the weights, outputs or gradients of a layer are spread, now and over the run; histogram h."),
            N_("A sample, what a neuron weighs, and their products; all neurons; all samples of the batch."),
        ),
    ),
    *_pair(
        "row",
        (lambda on: on.moving.to_row(), lambda on: on.moving.to_row_back()),
        ("t",),
        ("T",),
        (N_("to the selected row"), N_("back to the selected row")),
        N_("To the next step that makes the gradient or the new value of the selected parameter."),
        group=Group.GOTO,
    ),
    Row(
        id="origin",
        keys=("w",),
        title=N_("where from"),
        help=N_("To the step that made the selected operand; Backspace returns."),
        group=Group.GOTO,
        footer=11,
        short=N_("where from"),
        act=lambda on: on.moving.to_origin(),
    ),
    Row(
        id="uses",
        keys=("W",),
        title=N_("where used"),
        help=N_("The steps that read this value, or the selected operand; choose one to go there."),
        group=Group.GOTO,
        act=lambda on: on.moving.to_uses(),
    ),
    Row(
        id="enter",
        keys=("enter",),
        title=N_("go to the selection"),
        help=N_("To the step that made what is selected; after a run that diverged, to where it began."),
        group=Group.GOTO,
        palette=False,
        act=lambda on: None if on.moving.to_goal() else on.selecting.enter(),
    ),
    Row(
        id="return",
        keys=("backspace", "ctrl+o"),
        title=N_("return from a jump"),
        help=N_("Where the last jump came from, and the one before it."),
        group=Group.GOTO,
        act=lambda on: on.visiting.back(),
    ),
    Row(
        id="forth",
        keys=("ctrl+n",),
        title=N_("forth again"),
        help=N_("To the place that was left by returning."),
        group=Group.GOTO,
        act=lambda on: on.visiting.forth(),
    ),
    Row(
        id="mark",
        keys=("m",),
        title=N_("mark this moment"),
        help=N_("With a letter, which stands on the timeline."),
        group=Group.GOTO,
        line="mark LETTER",
        act=lambda on: on.visiting.ask_mark(),
        obey=lambda on, letter: on.visiting.mark(letter),
    ),
    Row(
        id="go_to_mark",
        keys=("apostrophe",),
        title=N_("go to a mark"),
        help=N_("By its letter; Backspace returns."),
        group=Group.GOTO,
        act=lambda on: on.visiting.ask_where(),
        when=lambda on: on.visiting.why_no_mark,
    ),
    Row(
        id="start",
        keys=("g",),
        title=N_("start of the run"),
        help=N_("The initial state, before the first step."),
        group=Group.GOTO,
        act=lambda on: on.moving.to_start(),
        twice=True,
    ),
    Row(
        id="end",
        keys=("G",),
        title=N_("end of what was run"),
        help=N_("The furthest moment that was reached."),
        group=Group.GOTO,
        act=lambda on: on.moving.to_end(),
    ),
    Row(
        id="line",
        keys=("colon",),
        title=N_("command line"),
        help=N_(
            ":2:1:17 epoch, iteration, step · :120 step 120 · :50% half way · :+100 steps, :+5i iterations, :-1e "
            "epochs from here · :run 100 epochs · :quit; Tab completes, ↑ brings back what was written before."
        ),
        group=Group.GOTO,
        footer=14,
        short=N_("go to"),
        act=lambda on: on.writing.ask(),
    ),
    Row(
        id="run",
        runs=True,
        keys=("r",),
        title=N_("run until it converges"),
        help=N_("Until a stop rule of the scenario ends it; the screen stays usable."),
        group=Group.RUN,
        line="run EPOCHS",
        footer=4,
        short=N_("run"),
        act=lambda on: on.running.run(),
        obey=lambda on, epochs: on.running.epochs(epochs),
    ),
    Row(
        id="race",
        keys=("R",),
        title=N_("race of the variants"),
        help=N_("Trains the variants of the scenario: their losses by epoch, all curves; Enter opens one."),
        group=Group.RUN,
        line="race",
        runs=True,
        act=lambda on: on.racing.show(),
        when=lambda on: on.racing.why_not,
    ),
    Row(
        id="pause",
        keys=("space", "ctrl+c", "escape"),
        title=N_("pause the run"),
        help=N_("Stops at the end of the iteration; r goes on. Cancels a search."),
        group=Group.RUN,
        act=lambda on: on.running.pause(),
        when=lambda on: on.running.why_not_pause,
    ),
    Row(
        id="restart",
        runs=True,
        keys=("0",),
        title=N_("restart"),
        help=N_("Forgets the run and starts again with the same seed; breakpoints and watches stay."),
        group=Group.RUN,
        act=lambda on: on.running.restart(),
    ),
    *_pair(
        "continue",
        (lambda on: on.breaking.go_on(), lambda on: on.breaking.go_back()),
        ("c", "f5"),
        ("C", "shift+f5"),
        (N_("continue"), N_("continue backward")),
        N_("To the next, or the previous, hit of a breakpoint; without one, to where the run ends or began."),
        footer=9,
        short=N_("continue"),
        group=Group.DEBUG,
    ),
    Row(
        id="break_here",
        keys=("b",),
        title=N_("breakpoint here"),
        help=N_("Where the value of this step is made, in every iteration; again removes it."),
        group=Group.DEBUG,
        footer=10,
        short=N_("break"),
        act=lambda on: on.breaking.here(),
        when=lambda on: on.breaking.why_not_here,
    ),
    Row(
        id="break_change",
        keys=("x",),
        title=N_("break when this value changes"),
        help=N_("The selected parameter, operand or neuron, or the value of this step; again removes it."),
        group=Group.DEBUG,
        act=lambda on: on.breaking.on_change(),
    ),
    Row(
        id="break",
        title=N_("set a breakpoint"),
        help=N_("break E < 0.01 · w5 changes sign · E crosses 0.1 · W_h becomes nan · at backward o · at w5."),
        group=Group.DEBUG,
        line="break CONDITION [once] [hit N] [after N]",
        obey=lambda on, condition: on.breaking.set(condition),
    ),
    Row(
        id="log",
        title=N_("print values"),
        help=N_("log w5, E if E < 0.1 · log delta(h1) at update: without stopping, over the past too."),
        group=Group.DEBUG,
        line="log EXPRESSION, ... if CONDITION",
        obey=lambda on, text: on.breaking.log(text),
    ),
    Row(
        id="watch",
        keys=("a",),
        title=N_("watch an expression"),
        help=N_("Its value at each step, its last change, its curve over the run."),
        group=Group.DEBUG,
        line="watch EXPRESSION",
        obey=lambda on, text: on.breaking.watch(text),
    ),
    Row(
        id="delete",
        keys=("delete",),
        title=N_("delete the selected row"),
        help=N_("A breakpoint, watch or mark of the debug panel; delete 2 by its number, delete all."),
        group=Group.DEBUG,
        line="delete NUMBER",
        act=lambda on: on.breaking.delete_row(),
        obey=lambda on, which: on.breaking.delete(which),
        when=lambda on: on.breaking.why_not_delete,
    ),
    Row(
        id="enable",
        title=N_("switch a breakpoint on"),
        help=N_("By its number; Enter in the debug panel switches the selected one."),
        group=Group.DEBUG,
        line="enable NUMBER",
        obey=lambda on, number: on.breaking.enable(number),
    ),
    Row(
        id="disable",
        title=N_("switch a breakpoint off"),
        help=N_("By its number; it stays in the list."),
        group=Group.DEBUG,
        line="disable NUMBER",
        obey=lambda on, number: on.breaking.disable(number),
    ),
    Row(
        id="print",
        title=N_("value of an expression"),
        help=N_("print grad(w1)/grad(w29), or only w5: its value here; w5 after 2:1, w5 after 120: its value then."),
        group=Group.DEBUG,
        line="print EXPRESSION [after ADDRESS]",
        obey=lambda on, text: on.querying.value(text),
    ),
    Row(
        id="first",
        title=N_("when for the first time"),
        help=N_("first E < 0.01: goes to the first moment of the run at which it is true."),
        group=Group.DEBUG,
        line="first CONDITION",
        obey=lambda on, text: on.querying.ask("first", text),
    ),
    Row(
        id="last",
        title=N_("when for the last time"),
        help=N_("last sign(w5) != sign(prev(w5)): goes to the last such moment."),
        group=Group.DEBUG,
        line="last CONDITION",
        obey=lambda on, text: on.querying.ask("last", text),
    ),
    Row(
        id="count",
        title=N_("how often"),
        help=N_("count E > prev(E): at how many moments of the run."),
        group=Group.DEBUG,
        line="count CONDITION",
        obey=lambda on, text: on.querying.ask("count", text),
    ),
    Row(
        id="all",
        title=N_("every time"),
        help=N_("all out_o1 > 0.9: lists the moments in the debug panel; Enter goes to one."),
        group=Group.DEBUG,
        line="all CONDITION",
        obey=lambda on, text: on.querying.ask("all", text),
    ),
    Row(
        id="max",
        title=N_("where it is largest"),
        help=N_("max abs(grad(w1)): goes to the first moment of the run at which it is."),
        group=Group.DEBUG,
        line="max EXPRESSION",
        obey=lambda on, text: on.querying.ask("max", text),
    ),
    Row(
        id="min",
        title=N_("where it is smallest"),
        help=N_("min E: goes to the first moment of the run at which it is."),
        group=Group.DEBUG,
        line="min EXPRESSION",
        obey=lambda on, text: on.querying.ask("min", text),
    ),
    Row(
        id="edit",
        runs=True,
        keys=("e",),
        title=N_("edit this value"),
        help=N_("The selected parameter, operand or neuron, or the value of this step; time forks here."),
        group=Group.CHANGE,
        footer=12,
        short=N_("edit"),
        act=lambda on: on.editing.ask(),
    ),
    Row(
        id="set",
        runs=True,
        title=N_("give a value by name"),
        help=N_("set w5 0.7 · set lr 0.1 · set i1 nan · set w5 = 0.7; w6 = 0: forks time like e."),
        group=Group.CHANGE,
        line="set NAME NUMBER",
        obey=lambda on, text: on.editing.set(text),
    ),
    Row(
        id="drop",
        runs=True,
        title=N_("drop a sample"),
        help=N_("Takes a sample, by default the one on the screen, out of this iteration; time forks."),
        group=Group.CHANGE,
        line="drop SAMPLE",
        obey=lambda on, sample: on.editing.drop(sample),
    ),
    Row(
        id="undo",
        runs=True,
        keys=("u",),
        title=N_("undo the edit"),
        help=N_("Takes back the edit that made this branch, and goes back to where it departs."),
        group=Group.CHANGE,
        line="undo",
        act=lambda on: on.editing.undo(),
        when=lambda on: on.editing.why_not_undo,
    ),
    Row(
        id="branches",
        runs=True,
        keys=("7",),
        title=N_("branches"),
        help=N_("Lists the branches: Enter goes to one, d shows every value that differs, and both loss curves."),
        group=Group.CHANGE,
        act=lambda on: on.editing.branches(),
    ),
    Row(
        id="branch",
        runs=True,
        title=N_("go to a branch"),
        help=N_("By its name, where its cursor was left."),
        group=Group.CHANGE,
        line="branch NAME",
        obey=lambda on, name: on.editing.branch(name),
    ),
    Row(
        id="rename",
        runs=True,
        title=N_("rename the branch"),
        help=N_("Gives the branch on the screen another name."),
        group=Group.CHANGE,
        line="rename NAME",
        obey=lambda on, name: on.editing.rename(name),
    ),
    Row(
        id="compare",
        runs=True,
        title=N_("compare with a branch"),
        help=N_("Both at the same moment: every value that differs, and the first step that does."),
        group=Group.CHANGE,
        line="compare NAME",
        obey=lambda on, name: on.editing.compare(name),
    ),
    Row(
        id="note",
        title=N_("note something on this step"),
        help=N_("It is shown with the step and saved with the session; without a text the note goes."),
        group=Group.CHANGE,
        line="note TEXT",
        obey=lambda on, text: on.editing.note(text),
    ),
    Row(
        id="notes",
        title=N_("list the notes"),
        help=N_("Choose one to go there."),
        group=Group.CHANGE,
        line="notes",
        obey=lambda on, _rest: on.editing.notes(),
    ),
    Row(
        id="warnings",
        title=N_("list the warnings"),
        help=N_("What is odd in the scenario and can be computed all the same, with file, line and key."),
        group=Group.SCREEN,
        line="warnings",
        obey=lambda on, _rest: on.viewing.warnings(),
    ),
    Row(
        id="save",
        title=N_("save the session"),
        help=N_("Branches, breakpoints, watches, marks, notes; save! overwrites a file of another session."),
        group=Group.CHANGE,
        line="save FILE",
        obey=lambda on, name: on.keeping.save(name),
    ),
    Row(
        id="copy",
        keys=("y",),
        title=N_("copy"),
        help=N_(
            "What the mouse has marked, else the value in full, the equation, the row for a spreadsheet, or the "
            "address that opens this moment again: retrograde mazur@2:1:17."
        ),
        group=Group.SELECT,
        line="copy KIND",
        act=lambda on: on.copying.key(),
        obey=lambda on, kind: on.copying.written(kind),
    ),
    Row(
        id="down",
        keys=("down", "j"),
        title=N_("selection down"),
        help=N_("The next row of the panel that has the focus."),
        group=Group.SELECT,
        back="up",
        palette=False,
        act=lambda on: on.selecting.move(1),
    ),
    Row(
        id="up",
        keys=("up", "k"),
        title=N_("selection up"),
        help=N_("The previous row of the panel that has the focus."),
        group=Group.SELECT,
        palette=False,
        act=lambda on: on.selecting.move(-1),
    ),
    Row(
        id="page_down",
        keys=("pagedown",),
        title=N_("ten rows down"),
        help=N_("Ten rows further in the panel that has the focus."),
        group=Group.SELECT,
        back="page_up",
        palette=False,
        act=lambda on: on.selecting.move(10),
    ),
    Row(
        id="page_up",
        keys=("pageup",),
        title=N_("ten rows up"),
        help=N_("Ten rows back in the panel that has the focus."),
        group=Group.SELECT,
        palette=False,
        act=lambda on: on.selecting.move(-10),
    ),
    Row(
        id="search",
        keys=("slash",),
        title=N_("search the weights"),
        help=N_("Selects the next parameter whose name has this text: w12, W_h[3, b_o."),
        group=Group.SELECT,
        act=lambda on: on.selecting.ask(),
    ),
    Row(
        id="match",
        keys=("comma",),
        title=N_("next match"),
        help=N_("The next parameter that was searched for."),
        group=Group.SELECT,
        back="match_back",
        act=lambda on: on.selecting.match(1),
        when=lambda on: on.selecting.why_no_match,
    ),
    Row(
        id="match_back",
        keys=("full_stop",),
        title=N_("previous match"),
        help=N_("The previous parameter that was searched for."),
        group=Group.SELECT,
        act=lambda on: on.selecting.match(-1),
        when=lambda on: on.selecting.why_no_match,
    ),
    Row(
        id="sort",
        keys=("O",),
        title=N_("sort the weights"),
        help=N_("By value, gradient, update, the change since the start, or as the file has them: sort start."),
        group=Group.SELECT,
        line="sort ORDER",
        act=lambda on: on.selecting.sort(),
        obey=lambda on, name: on.selecting.sort(name),
    ),
    Row(
        id="filter",
        title=N_("filter the weights"),
        help=N_("filter W_h shows those alone that have this text in their names; filter shows all again."),
        group=Group.SELECT,
        line="filter TEXT",
        obey=lambda on, text: on.selecting.keep(text),
    ),
    Row(
        id="panel_next",
        keys=("tab",),
        title=N_("next panel"),
        help=N_("The arrows then move in that panel; a number chooses one."),
        group=Group.SCREEN,
        back="panel_back",
        act=lambda on: on.selecting.next_panel(1),
    ),
    Row(
        id="panel_back",
        keys=("shift+tab",),
        title=N_("previous panel"),
        help=N_("The panel before this one."),
        group=Group.SCREEN,
        act=lambda on: on.selecting.next_panel(-1),
    ),
    *map(_panel, PANELS),
    Row(
        id="zoom",
        keys=("z",),
        title=N_("enlarge the panel"),
        help=N_("The panel with the focus takes the whole screen; again for all panels."),
        group=Group.SCREEN,
        act=lambda on: on.viewing.zoom(),
    ),
    Row(
        id="precision",
        keys=("p",),
        title=N_("digits of the numbers"),
        help=N_("Nine digits, all digits that a float64 has, or five."),
        group=Group.SCREEN,
        act=lambda on: on.viewing.digits(),
    ),
    Row(
        id="theme",
        keys=("d",),
        title=N_("dark, light or the terminal's colours"),
        help=N_("Changes between the dark theme, the light theme and the terminal's own colours."),
        group=Group.SCREEN,
        early=lambda screen: screen.change_look(),
    ),
    Row(
        id="language",
        keys=("A",),
        title=N_("change the language"),
        help=N_("English or Chinese, at once and everywhere; language zh and language en say which."),
        group=Group.SCREEN,
        line="language NAME",
        act=lambda on: on.viewing.language(),
        obey=lambda on, rest: on.viewing.language(rest),
        early=lambda screen: screen.speak(),
    ),
    Row(
        id="open",
        keys=("o",),
        title=N_("open a scenario"),
        help=N_("Chooses another scenario."),
        group=Group.SCREEN,
        act=lambda on: on.leaving.open(),
        early=lambda screen: screen.choose(),
    ),
    Row(
        id="recover",
        title=N_("go on with unsaved work"),
        help=N_("Lists what programs that were killed have kept of other sessions."),
        group=Group.CHANGE,
        line="recover",
        act=lambda on: on.leaving.recover(),
        obey=lambda on, _rest: on.leaving.recover(),
        early=lambda screen: screen.recover(),
    ),
    Row(
        id="help",
        keys=("question_mark",),
        title=N_("help"),
        help=N_("All keys."),
        group=Group.SCREEN,
        footer=7,
        short=N_("help"),
        early=lambda screen: screen.show_help(key_rows(commands())),
    ),
    Row(
        id="suspend",
        keys=("ctrl+z",),
        title=N_("suspend the program"),
        help=N_("Gives the terminal to the shell; fg comes back."),
        group=Group.SCREEN,
        early=lambda screen: screen.suspend(),
    ),
    Row(
        id="palette",
        keys=("ctrl+p",),
        title=N_("command palette"),
        help=N_("Every command by its name."),
        group=Group.SCREEN,
        palette=False,
        early=lambda screen: screen.show_palette(),
    ),
    Row(
        id="quit",
        keys=("q",),
        title=N_("quit"),
        help=N_("Leaves Retrograde."),
        group=Group.SCREEN,
        line="quit",
        footer=15,
        short=N_("quit"),
        act=lambda on: on.leaving.quit(),
        obey=lambda on, rest: on.leaving.quit(forced=rest.startswith("!")),
        early=lambda screen: screen.quit(),
    ),
)


_own: dict[str, tuple[str, ...]] = {}
"""The keys that a person has chosen, by the ids of the commands."""


def choose_keys(keys: Mapping[str, tuple[str, ...]]) -> None:
    """Gives commands other keys from now on: in the help, the footer and wherever else they are shown.

    Args:
        keys: the keys by the ids of the commands.
    """
    _own.clear()
    _own.update(keys)


def commands() -> tuple[Row, ...]:
    """The table, with the keys that were chosen."""
    if not _own:
        return COMMANDS
    return tuple(replace(row, keys=_own.get(row.id, row.keys)) for row in COMMANDS)
