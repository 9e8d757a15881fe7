"""A ledger as lines of text whose columns add up in the digits that are printed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from retrograde.engine.explaining.biography import Bucket, Ledger, LedgerRow, printed
from retrograde.engine.explaining.update_parts import PartKind
from retrograde.engine.text import N_, _, joined, ngettext

DECIMALS = 9
"""Decimals of a column whose largest number is below 10; of a larger or a tiny one, as many digits in all."""

KIND_WORDS = {
    PartKind.DATA: N_("data"),
    PartKind.PENALTY: N_("penalty"),
    PartKind.DECAY: N_("decay"),
    PartKind.CARRIED: N_("carried on"),
    PartKind.CLIPPING: N_("clipping"),
    PartKind.RULE: N_("the rule itself"),
    PartKind.ROUNDING: N_("rounding"),
}
"""The causes, in words."""


class By(StrEnum):
    """What a movement is told apart by."""

    ROW = "row"
    CAUSE = "cause"
    EPOCH = "epoch"
    ITERATION = "iteration"

    @property
    def of_time(self) -> bool:
        """Whether it is told apart by time, which needs no replay."""
        return self in {By.EPOCH, By.ITERATION}


class LedgerLine(NamedTuple):
    """A line of a ledger.

    Attributes:
        text: what moved the weight.
        at_once: how far in its own update, exactly.
        in_all: how far inside the span, with all that is carried on.
        shown: both as printed.
        iteration: where a line of time begins, or when the cause moved most, from 0; None where there is no moment.
        stop: of a line of time, the iteration behind its last; None of another.
    """

    text: str
    at_once: Fraction
    in_all: Fraction
    shown: tuple[str, str]
    iteration: int | None = None
    stop: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLines:
    """A span of a biography as it is printed; each column adds up from the start to now, as printed.

    Attributes:
        start: the weight at the start.
        lines: what moved it, in order; the rounding last.
        now: the weight at the end.
        two_columns: whether the columns differ, as they do where gradients act through a memory.
        closing: the rounding, exactly.
    """

    start: str
    lines: tuple[LedgerLine, ...]
    now: str
    two_columns: bool
    closing: Fraction


def cause(row: LedgerRow) -> str:
    """The cause of a row, with the number of a sample from 1."""
    word = _(KIND_WORDS[row.kind])
    return word if row.sample is None else _("row {number}").format(number=row.sample + 1)


def grouped(rows: Sequence[LedgerRow], by: By) -> list[LedgerRow]:
    """The rows by themselves, or those of a cause as one, the largest first; without the rounding."""
    if by is By.CAUSE:
        kinds = dict.fromkeys(row.kind for row in rows)
        several = ([row for row in rows if row.kind is kind] for kind in kinds)
        rows = [
            LedgerRow(
                of[0].kind,
                None,
                sum((row.at_once for row in of), Fraction()),
                sum((row.in_all for row in of), Fraction()),
                max(of, key=lambda row: abs(row.at_once)).largest,
            )
            for of in several
        ]
    return [row for row in rows if row.kind is not PartKind.ROUNDING]


def ledger_lines(ledger: Ledger, *, by: By = By.ROW, most: int | None = None, by_size: bool = True) -> LedgerLines:
    """The lines of a ledger by row of the data or by cause.

    Args:
        ledger: the ledger.
        by: row or cause.
        most: how many lines stand by themselves; the others are one line.
        by_size: the largest first; else in the order of the data set.
    """
    rows = grouped(ledger.rows, by)
    rows.sort(key=lambda row: -max(abs(row.at_once), abs(row.in_all)))
    most = len(rows) if most is None else most
    rest = rows[most:] if len(rows) > most + 1 else []
    kept = rows[: len(rows) - len(rest)]
    if not by_size:
        kept.sort(key=lambda row: (row.sample is None, row.sample or 0))
    drafts = [(cause(row), row.at_once, row.in_all) for row in kept]
    places: list[tuple[int | None, int | None]] = [(row.largest, None) for row in kept]
    if rest:
        text = _("… {count} more").format(count=f"{len(rest):,}")
        if all(row.sample is not None for row in rest):
            text = ngettext("… {count} more row", "… {count} more rows", len(rest)).format(count=f"{len(rest):,}")
        drafts.append(
            (text, sum((row.at_once for row in rest), Fraction()), sum((row.in_all for row in rest), Fraction()))
        )
    last = ledger.rows[-1]
    drafts.append((cause(last), last.at_once, last.in_all))
    places += [(None, None)] * (len(drafts) - len(places))
    return _printed(ledger.bucket, drafts, places, closing=last.at_once)


def bucket_lines(
    buckets: Sequence[Bucket], texts: Sequence[str], *, most: int | None = None, by_size: bool = False
) -> LedgerLines:
    """The lines of a span by time.

    Args:
        buckets: its pieces, in order, with finite weights.
        texts: what is said of each.
        most: how many lines stand by themselves; the others are one line.
        by_size: the largest first; else in the order of time.
    """
    order = sorted(range(len(buckets)), key=lambda k: (-abs(buckets[k].change), k))
    most = len(order) if most is None else most
    rest = order[most:] if len(order) > most + 1 else []
    kept = order[: len(order) - len(rest)]
    if not by_size:
        kept.sort()
    drafts = [(texts[k], buckets[k].change, buckets[k].change) for k in kept]
    places: list[tuple[int | None, int | None]] = [(buckets[k].start, buckets[k].stop) for k in kept]
    if rest:
        total = sum((buckets[k].change for k in rest), Fraction())
        drafts.append((_("… {count} more").format(count=len(rest)), total, total))
        places.append((None, None))
    whole = Bucket(buckets[0].start, buckets[-1].stop, buckets[0].before, buckets[-1].after)
    return _printed(whole, drafts, places, closing=Fraction())


def _printed(
    bucket: Bucket,
    drafts: Sequence[tuple[str, Fraction, Fraction]],
    places: Sequence[tuple[int | None, int | None]],
    *,
    closing: Fraction,
) -> LedgerLines:
    first, last = Fraction(bucket.before), Fraction(bucket.after)
    columns = [[at_once for _text, at_once, _in_all in drafts], [in_all for _text, _at_once, in_all in drafts]]
    digits = decimals(max(map(abs, (first, last, *columns[0], *columns[1]))))
    unit = Fraction(1, 10**digits)
    # The ends are rounded as they are; what that leaves goes to the rows.
    start, now = (math.floor(value / unit + Fraction(1, 2)) for value in (first, last))
    (once, _total), (whole, _total) = (printed(column, (now - start) * unit, digits) for column in columns)
    lines = tuple(
        LedgerLine(*draft, shown, *place)
        for draft, shown, place in zip(drafts, zip(once, whole, strict=True), places, strict=True)
    )
    return LedgerLines(
        start=printed((start * unit,), start * unit, digits)[1],
        lines=lines,
        now=printed((now * unit,), now * unit, digits)[1],
        two_columns=columns[0] != columns[1],
        closing=closing,
    )


def decimals(largest: Fraction) -> int:
    """Decimals for a column, by its largest number."""
    if not largest:
        return DECIMALS
    power = math.floor(math.log10(largest)) if largest < 10**300 else 300
    return max(0, DECIMALS - power) if power > 0 or power < -3 else DECIMALS


def way(ledger: Ledger) -> str:
    """How far the weight went to get where it is, in a sentence."""
    moved = f"{float(ledger.bucket.change):.3g}".replace("-", "−")
    text = _("walked {walked} to get {moved}").format(walked=f"{ledger.walked:.3g}", moved=moved)
    straight = ledger.straightness
    if not ledger.walked:
        return _("it never moved")
    for least, words in _WAYS:
        if straight >= least:
            return joined((text, _(words)), ": ")
    raise AssertionError


_WAYS = (
    (0.95, N_("it went straight there")),
    (0.5, N_("it went there with detours")),
    (0.15, N_("it turned back often")),
    (0.0, N_("it mostly went back and forth")),
)


def span_text(bucket: Bucket, per_epoch: int) -> str:
    """Where a piece of time lies, in epochs where it consists of whole ones, else in iterations of an epoch."""
    start, stop = bucket.start, bucket.stop
    if not start % per_epoch and not stop % per_epoch:
        epochs = (f"{start // per_epoch + 1:,}", f"{stop // per_epoch:,}")
        return _span(_("epoch {first}"), _("epochs {first}–{last}"), *epochs)
    moments = (f"{at // per_epoch + 1:,}:{at % per_epoch + 1}" for at in (start, stop - 1))
    return _span(_("iteration {first}"), _("iterations {first}–{last}"), *moments)


def _span(one: str, several: str, first: str, last: str) -> str:
    return one.format(first=first) if first == last else several.format(first=first, last=last)
