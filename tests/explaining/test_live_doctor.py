"""The doctor while a run goes on: at a bounded share of its time; and a breakpoint on alerts, at their first moment."""

from __future__ import annotations

import numpy as np
import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.detectors.limits import limits_of
from retrograde.engine.explaining.detectors.live import FixedWatch, LiveWatch

SEEN = {"diverging": ["lr_large 2:1", "exploding 45:1"], "vanishing": ["vanishing 1:1"]}


def ran(name: str, epochs: int | None = None) -> Session:
    session = Session(load_scenario(name))
    session.run(epochs=epochs)
    session.seek("end")
    return session


@pytest.mark.parametrize("name", SEEN)
def test_fixed_moments_find_what_the_doctor_finds(name: str) -> None:
    session = ran(name)
    watch = FixedWatch(session.timeline, limits_of(session.scenario))
    watch.look_to(session.iteration + 1)
    assert [f"{alert.rule} {alert.address}" for alert in watch.alerts] == SEEN[name]
    found = {(alert.rule, alert.iteration) for alert in session.doctor().alerts}
    assert {(alert.rule, alert.iteration) for alert in watch.alerts} <= found


def test_a_run_is_looked_at_for_a_share_of_its_time() -> None:
    session = Session(load_scenario("two-moons"))
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.01
        return now

    watch = LiveWatch(session.timeline, limits_of(session.scenario), share=0.02, clock=clock)
    state, looked = session.timeline.state(0), 0
    for done in range(1, 1000):
        before = watch.spent
        watch.after(done, state)
        looked += watch.spent > before
        assert watch.spent <= 0.02 * now + 0.01
    assert looked >= 3


def test_what_is_seen_live_is_what_the_iteration_says() -> None:
    session = Session(load_scenario("diverging"))
    watch = LiveWatch(session.timeline, limits_of(session.scenario), share=1e9)
    run = session.start_run()
    seen = ()
    while not run.over:
        run.advance()
        if not run.over:
            seen += watch.after(run.done, run.state)
            frame = session.timeline.framer(run.done)(run.state)
            assert np.array_equal(frame.flat, session.timeline.frame(run.done).flat)
    assert {alert.rule for alert in seen} <= {"lr_large", "exploding"}


def test_a_breakpoint_on_alerts_stops_at_their_first_moments_both_ways() -> None:
    session = Session(load_scenario("diverging"))
    point = session.add_breakpoint("on alert")
    stops = []
    while (halt := session.proceed()).breakpoint is point:
        stops.append(session.iteration)
        assert session.position == session.schedule.start(session.iteration + 1)
    assert stops == [1, 44]
    assert halt.outcome is not None
    back = []
    while session.reverse().breakpoint is point:
        back.append(session.iteration)
    assert back == [44, 1]
    assert point.count == 4
    assert session.hits_of(44) == (session.schedule.start(45),)


def test_a_breakpoint_may_wait_for_one_rule_beside_others() -> None:
    session = Session(load_scenario("diverging"))
    session.add_breakpoint("on alert exploding")
    session.add_breakpoint("E > 1000")
    texts = []
    while (halt := session.proceed()).breakpoint is not None:
        texts.append((halt.breakpoint.text, session.iteration))
        if len(texts) == 3:
            session.remove_breakpoint(2)
    assert texts[0][0] == "E > 1000"
    assert texts[-1] == ("on alert exploding", 44)


def test_it_stops_there_however_the_run_came_to_be() -> None:
    session = ran("diverging")
    session.seek(0)
    session.add_breakpoint("on alert")
    assert session.proceed().breakpoint is not None
    assert session.iteration == 1


def test_a_rule_that_there_is_not_is_an_error() -> None:
    session = Session(load_scenario("mazur"))
    with pytest.raises(EngineError, match="dead_rlu"):
        session.add_breakpoint("on alert dead_rlu")
