"""Why: the autopsy of a gradient, its chain, and the flow of gradients through the layers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _
from retrograde.tui.records.marks import PanelId

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrograde.engine.equations.expression import Ref
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.editing import Editing
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.screens.goals import Try, Visit
    from retrograde.tui.screens.looking import LookingScreen


class Explaining:
    """The part that asks why."""

    def __init__(self, desk: Desk, working: Working, moving: Moving, editing: Editing) -> None:
        self._desk = desk
        self._working = working
        self._moving = moving
        self._editing = editing

    def why_key(self) -> None:
        """Shows why the gradient of what is selected, or of the step's value, is as it is."""
        self._told(self.why)

    def chain_key(self) -> None:
        """Shows the whole chain of the gradient of what is selected, or of the step's value."""
        self._told(self.chain)

    @property
    def asks(self) -> bool:
        """Whether what is selected, or the step's value, has a gradient to ask about."""
        # What tells of gradients is not loaded for the footer.
        from retrograde.engine.session.gradients import gradient_meant

        desk, step = self._desk, self._desk.reading.step
        # The operands of a step are read after the footer is painted; one that is selected is not asked about first.
        chosen = step is None or desk.focus in (PanelId.NETWORK, PanelId.WEIGHTS)
        try:
            gradient_meant(desk.session, self._asked("") if chosen or step is None else step.target)
        except EngineError:
            return False
        return True

    def _told(self, show: Callable[[], None]) -> None:
        try:
            show()
        except EngineError as error:
            self._desk.say(str(error), bad=True)

    def why(self, name: str = "") -> None:
        """Shows why a gradient is as it is.

        Args:
            name: its name, or that of a value that has one; empty for what is selected, or the step's.
        """
        from retrograde.tui.reading.why import WhyReading
        from retrograde.tui.screens.why import WhyScreen

        session, ref = self._desk.session, self._asked(name)
        self._look(
            _("why {name}").format(name=session.symbol(ref)),
            lambda: WhyReading.of(session, ref),
            WhyScreen,
        )

    def chain(self, name: str = "") -> None:
        """Shows the whole chain of a gradient.

        Args:
            name: as for ``why``.
        """
        from retrograde.tui.reading.chain import ChainReading
        from retrograde.tui.screens.chain import ChainScreen

        session, ref = self._desk.session, self._asked(name)
        self._look(
            _("chain of {name}").format(name=session.symbol(ref)),
            lambda: ChainReading.of(session, ref),
            ChainScreen,
        )

    def flow(self) -> None:
        """Shows the flow of the gradient by layer."""
        from retrograde.tui.reading.why import FlowReading
        from retrograde.tui.screens.flow import FlowScreen

        session = self._desk.session
        self._look(_("flow by layer"), lambda: FlowReading.of(session), FlowScreen)

    def samples(self, text: str = "", *, matrix: bool = False) -> None:
        """Shows what the parameters at the cursor make of every sample.

        Args:
            text: a filter: a class, ``wrong``, ``3>8``, ``#12``.
            matrix: whether the confusion matrix is shown first.
        """
        from retrograde.engine.explaining.sample_order import chosen
        from retrograde.tui.screens.samples import SamplesScreen

        session = self._desk.session

        def read() -> object:
            table = session.samples()
            if matrix and not table.classified:
                raise EngineError(_("the targets of this network are no classes"))
            chosen(table, text)
            return table

        self._look(_("samples"), read, partial(SamplesScreen, text=text.strip(), matrix=matrix))

    def neuron_key(self) -> None:
        """Shows the neurons of the layer that is selected, or of the first one."""
        self._told(self.neuron)

    def neuron(self, name: str = "") -> None:
        """Shows the neurons of a layer.

        Args:
            name: a neuron or a layer; empty for what is selected in the network or the weights, else the first layer.

        Raises:
            EngineError: there is no such neuron, and no such layer.
        """
        from retrograde.tui.reading.neurons import NeuronReading
        from retrograde.tui.screens.neurons import NeuronScreen

        session = self._desk.session
        layer, unit = self._neuron(name.strip())
        title = _("neurons of {layer}").format(layer=layer)
        self._look(title, lambda: NeuronReading.of(session, layer), partial(NeuronScreen, unit=unit))

    def _neuron(self, name: str) -> tuple[str, int]:
        """A layer and the number of a neuron in it, from 0."""
        desk, network = self._desk, self._desk.session.network
        layers = [info.name for info in network.layers]
        if name:
            found = (name, 0) if name in layers else network.notation.neuron_of(name)
            if found is None:
                known = ", ".join(layers)
                message = _("{name} is no neuron; write h5, or a layer: {known}").format(name=name, known=known)
                raise EngineError(message)
            return found
        from retrograde.tui.views.slots import PARAMETERS, cell_of

        # What the step is about is no choice: after a run it is the last bias, and people ask for hidden neurons.
        ref = desk.selected if desk.focus in (PanelId.NETWORK, PanelId.WEIGHTS) else None
        cell = None if ref is None else cell_of(desk.reading, ref)
        if cell is not None and cell.layer in layers:
            shape = network.forms[cell.layer].shape
            # Of a convolution the channel comes first, of others the unit last.
            channel = cell.number // (shape[1] * shape[2]) if len(shape) == 3 else cell.number % (shape or (1,))[-1]
            return cell.layer, channel
        if ref is not None and ref.array.role in PARAMETERS and ref.index and ref.array.layer in layers:
            return ref.array.layer, ref.index[0]
        return layers[0], 0

    def _asked(self, name: str) -> Ref:
        """The slot that is asked about.

        Raises:
            EngineError: there is none of that name, or nothing is selected.
        """
        desk = self._desk
        if name:
            return desk.session.resolve(name)
        selected = desk.selected
        if selected is not None:
            return selected
        if desk.reading.step is not None:
            return desk.reading.step.target
        if not desk.parameters:
            raise EngineError(_("make a step first, or select a value"))
        return desk.parameters.ref(desk.lens.weight)

    def _look(self, title: str, read: Callable[[], object], screen: Callable[..., LookingScreen]) -> None:
        """Reads the session in the worker, and shows what was read in a screen over this one.

        Args:
            title: what is read.
            read: reads it.
            screen: shows it.
        """
        desk, working = self._desk, self._working

        def show(found: Any) -> None:
            if working.lend():
                desk.host.ask(screen(desk.session, desk.host.glyphs, working.search, found), answered)

        def answered(choice: Visit | Try | None) -> None:
            self._moving.returned(choice, self._editing.try_out)

        working.search(title, lambda _job: read(), show)
