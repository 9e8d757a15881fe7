"""Why a gradient is as it is, as plain values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    from retrograde.engine.explaining.autopsy import Autopsy
    from retrograde.engine.explaining.death import Death
    from retrograde.engine.explaining.revival import Remedy, Revival
    from retrograde.engine.session.explanations import Chain
    from retrograde.engine.session.session import Session


def autopsy_record(session: Session, found: Autopsy, chain: Chain, most: int) -> dict[str, Any]:
    """What is the matter with a gradient, with its largest paths."""
    record: dict[str, Any] = {
        "scenario": session.name,
        "branch": session.branch.name,
        "epoch": session.iteration // session.schedule.per_epoch + 1,
        "iteration": session.iteration % session.schedule.per_epoch + 1,
        "name": session.notation.name(found.ref),
        "symbol": session.notation.symbol(found.ref, sample=session.sample),
        "value": encoded(found.value),
        "finding": str(found.finding),
        "verdict": session.explanations.verdict(found),
    }
    if found.beside is not None:
        record["beside"] = {
            "name": session.notation.name(found.beside.ref),
            "value": encoded(found.beside.value),
            "times_less": None if found.times_less is None else encoded(found.times_less),
        }
    if found.step is not None:
        record["update"] = encoded(found.step)
        record["relative_update"] = None if found.relative_step is None else encoded(found.relative_step)
    if found.deficits is not None:
        record["causes"] = [
            {
                "cause": str(line.cause),
                "layer": line.layer,
                "time": line.time,
                "factor": encoded(line.value),
                "deficit": encoded(line.deficit),
                "share": encoded(found.deficits.share(line)),
            }
            for line in found.deficits.named
        ]
    if found.account is not None:
        record["account"] = [*_account_record(found)]
        record["product"] = encoded(found.account.product)
    if found.zeros is not None:
        record["zeros"] = {
            "in_series": found.zeros.series,
            "samples": found.zeros.samples,
            "nearest": {str(kind): samples for kind, samples in found.zeros.kinds.items()},
        }
    if found.origin is not None:
        record["origin"] = {
            "name": session.notation.name(found.origin.ref),
            "breakdown": str(found.origin.breakdown),
        }
    if math.isfinite(found.value):
        record["paths"] = _paths_record(chain, most)
    return record


def beyond_record(session: Session, died: Death | None, revived: Revival | None) -> dict[str, Any]:
    """When a gradient died, who pushed, and what would revive it."""
    per_epoch = session.schedule.per_epoch
    record: dict[str, Any] = {"died": None, "pushed_by": None, "revived_by": None}
    if died is not None:
        record["died"] = {
            **_moment(died.iteration, per_epoch),
            "value": encoded(died.value),
            "alive_from": encoded(died.threshold),
            "largest_of_first_epoch": encoded(died.best),
        }
        if died.ledger is not None and (worst := died.ledger.worst) is not None:
            first, last = died.ledger.pushes[0], died.ledger.pushes[-1]
            record["pushed_by"] = {
                "name": session.notation.name(died.ledger.net),
                "row": died.ledger.row + 1,
                "from": encoded(first.before),
                "to": encoded(last.after),
                **_moment(worst.start, per_epoch),
                "before": encoded(worst.before),
                "after": encoded(worst.after),
                "change": encoded(float(worst.change)),
                "weights": encoded(float(worst.weights)),
                "bias": encoded(float(worst.bias)),
                "inputs": encoded(float(worst.inputs)),
                "remainder": encoded(float(worst.remainder)),
                "shares": [
                    {
                        "cause": str(share.kind),
                        "row": None if share.row is None else share.row + 1,
                        "amount": encoded(float(share.amount)),
                    }
                    for share in died.ledger.shares(worst)
                ],
            }
    if revived is not None:
        record["revived_by"] = {
            "least": encoded(revived.least),
            "most": encoded(revived.most),
            "refused": None if revived.refusal is None else str(revived.refusal),
            "tried": revived.tried,
            "parameters": revived.parameters,
            "in_time": revived.whole,
            "change": None if revived.single is None else _remedy(session, revived.single),
            "all_weights": [{"times": one.factor, "value": encoded(one.value)} for one in revived.scaled],
        }
    return record


def _moment(iteration: int, per_epoch: int) -> dict[str, int]:
    return {"epoch": iteration // per_epoch + 1, "iteration": iteration % per_epoch + 1}


def _remedy(session: Session, remedy: Remedy) -> dict[str, Any]:
    (one,) = remedy.replaced
    return {
        "name": session.notation.name(one.ref),
        "before": encoded(one.before),
        "after": encoded(one.after),
        "cost": encoded(remedy.cost),
        "value": encoded(remedy.value),
    }


def _account_record(found: Autopsy) -> Iterator[dict[str, Any]]:
    assert found.account is not None
    for layer in reversed(found.account.layers):
        yield {
            "layer": layer.layer,
            "time": layer.time,
            "factors": {str(kind): encoded(math.exp(value)) for kind, value in layer.kinds.items()},
            "ways": encoded(math.exp(layer.ways)),
            "agreement": encoded(math.exp(layer.agreement)),
            "total": encoded(math.exp(layer.total)),
        }
    own = found.account.own
    yield {
        "layer": None,
        "time": None,
        "factors": {str(kind): encoded(math.exp(value)) for kind, value in own.kinds.items()},
        "ways": encoded(math.exp(own.ways)),
        "agreement": encoded(math.exp(own.agreement)),
        "total": encoded(math.exp(own.total)),
    }


def _paths_record(chain: Chain, most: int) -> dict[str, Any]:
    view = chain.paths(most)
    return {
        "count": view.count,
        "absolute": encoded(view.absolute),
        "largest": [encoded(path.value) for path in view.paths],
        "rest": encoded(view.rest),
    }
