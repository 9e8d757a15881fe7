"""A death and a revival in words: each number is in the record."""

from __future__ import annotations

from retrograde.engine.explaining.death import ALIVE, Death, NetLedger, Push
from retrograde.engine.explaining.revival import Refusal, Remedy, Revival
from retrograde.engine.explaining.update_parts import PartKind
from retrograde.engine.explaining.verdict import short
from retrograde.engine.network.network import Network
from retrograde.engine.text import _, joined, ngettext, per_cent

FEW_ROWS = 3
"""Rows of the data that are named."""


def told_death(found: Death, network: Network, per_epoch: int) -> str:
    """When a gradient died, and which update and row pushed."""
    if found.from_the_start:
        return _("It has been 0 from the start.")
    if found.culprit is None:
        return _("Since iteration {moment} it is below {share} of its largest in the first epoch.").format(
            moment=moment(found.iteration, per_epoch), share=per_cent(ALIVE)
        )
    died = _("It died in iteration {moment}.").format(moment=moment(found.iteration, per_epoch))
    worst = None if found.ledger is None else found.ledger.worst
    if found.ledger is None or worst is None:
        return died
    return joined((died, _pushed(found.ledger, worst, network, per_epoch)))


def moment(iteration: int, per_epoch: int) -> str:
    """An iteration as epoch and iteration, both from 1."""
    epoch, within = divmod(iteration, per_epoch)
    return f"{epoch + 1}:{within + 1}"


def _pushed(ledger: NetLedger, worst: Push, network: Network, per_epoch: int) -> str:
    name = network.notation.symbol(ledger.net)
    moved = _("Update {moment} moved {net} by {change}").format(
        moment=moment(worst.start, per_epoch), net=name, change=signed(float(worst.change))
    )
    own = worst.weights + worst.bias
    if abs(worst.inputs) > abs(own):
        return _("{moved}: its own weights by {own}, its inputs by {inputs}; earlier layers did it.").format(
            moved=moved, own=signed(float(own)), inputs=signed(float(worst.inputs))
        )
    rows = [share for share in ledger.shares(worst) if share.kind is PartKind.DATA and share.row is not None]
    if not rows or (rows[0].amount > 0) is not (worst.change > 0):
        return _("{moved}.").format(moved=moved)
    first = rows[0]
    assert first.row is not None
    if abs(first.amount) >= abs(worst.change) / 2:
        return _("{moved}; row {row} alone by {amount}.").format(
            moved=moved, row=first.row + 1, amount=signed(float(first.amount))
        )
    named = [share for share in rows[:FEW_ROWS] if (share.amount > 0) is (worst.change > 0)]
    parts = (
        _("{row} by {amount}").format(row=share.row + 1, amount=signed(float(share.amount)))
        for share in named
        if share.row is not None
    )
    return _("{moved}; of the rows most of all {rows}.").format(moved=moved, rows=joined(parts, ", "))


def signed(value: float) -> str:
    """A number in a sentence, with its sign."""
    return f"{value:+.3g}".replace("-", "−", 1) if value < 0 else f"{value:+.3g}"


def told_revival(found: Revival, network: Network) -> str:
    """What would revive a gradient, or that nothing was found."""
    match found.refusal:
        case Refusal.ZEROS:
            return _("No single parameter can revive it: on every way are zeros that it does not move.")
        case Refusal.RESIDUE:
            return _("No parameter revives it: in exact arithmetic it is 0, whatever they are.")
        case Refusal.NOT_FINITE:
            return ""
    first = _single(found, network) if found.single is not None else _none(found)
    better = next(iter(found.scaled), None)
    return first if better is None else joined((first, _scaled(found, better)))


def _single(found: Revival, network: Network) -> str:
    assert found.single is not None
    (one,) = found.single.replaced
    return _("{name} from {before} to {after} would bring it to {value} (tried).").format(
        name=network.notation.symbol(one.ref),
        before=f"{one.before:.6g}",
        after=f"{one.after:.6g}",
        value=short(found.single.value),
    )


def _none(found: Revival) -> str:
    if not found.whole:
        return _("No single number that revives it was found in the time there is ({count} changes tried).").format(
            count=f"{found.tried:,}"
        )
    return ngettext(
        "No single number revives it ({count} change of {parameters} tried).",
        "No single number revives it ({count} changes of {parameters} tried).",
        found.tried,
    ).format(
        count=f"{found.tried:,}",
        parameters=ngettext("{count} parameter", "{count} parameters", found.parameters).format(count=found.parameters),
    )


def _scaled(found: Revival, better: Remedy) -> str:
    assert better.factor is not None
    also = found.single is not None and found.revives(better.value)
    text = _("So would all weights × {factor}: {value}.") if also else _("All weights × {factor}: {value}.")
    return text.format(factor=f"{better.factor:g}", value=short(better.value))
