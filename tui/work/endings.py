"""Endings that nobody asked for with a key: a signal, or a terminal that is gone.

The app is asked to end as ``q`` does, on its own thread, so that unsaved work is kept and Textual gives the terminal
back. What can not do that in time is ended from a thread: the terminal is made usable again without Textual.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

SIGNALS = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT", "SIGXCPU", "SIGUSR1", "SIGUSR2", "SIGALRM")
"""Signals that end a program unless it takes them, by name: not all of them are known everywhere."""
GRACE_SECONDS = 4.0
"""How long the app may take to end."""
WRITE_SECONDS = 1.0
"""How long a terminal may take to be written to."""

SANE = (
    "\x1b[?2004l\x1b[?7h\x1b[?2048l"  # no bracketed paste, line wrap, no resize reports
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"  # no mouse
    "\x1b[<u\x1b[?1004l\x1b[?2026l"  # no keyboard protocol, no focus reports, no synchronised output
    "\x1b[?1049l\x1b[?25h\x1b[0m"  # the normal screen, with a cursor
)
"""What undoes all that Textual asks of a terminal."""


class Endings:
    """Takes signals for as long as the app runs.

    Args:
        end: asks the app to end with a code; called on any thread, and on the main one between two instructions.

    Attributes:
        code: the exit code, 128 + the number of the signal; None while there was none.
    """

    def __init__(self, end: Callable[[int], None]) -> None:
        self._end = end
        self._before: dict[int, Any] = {}
        self._modes: list[Any] | None = None
        self._over = threading.Event()
        self.code: int | None = None

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Takes the signals, and leaves a terminal that can be used, however the app ends."""
        self._modes = _modes()
        if threading.current_thread() is not threading.main_thread():
            # Only the main one may take signals.
            yield
            return
        for name in SIGNALS:
            number = getattr(signal, name, None)
            # What is ignored, as by nohup, still is, and what somebody else takes is theirs.
            if number is not None and signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}:
                self._before[number] = signal.signal(number, self._taken)
        threading.Thread(target=self._watch, daemon=True, name="terminal").start()
        try:
            yield
        except BaseException:
            self._make_sane()
            raise
        finally:
            self._over.set()
            _set_modes(self._modes)
            for number, before in self._before.items():
                signal.signal(number, before)

    def _taken(self, number: int, _frame: object) -> None:
        self.end(number)

    def end(self, number: int) -> None:
        """Ends the app as by a signal; the second one does not wait.

        Args:
            number: the number of the signal.
        """
        if self.code is not None:
            threading.Thread(target=self._end_now, daemon=True).start()
            return
        self.code = 128 + number
        threading.Thread(target=self._wait, daemon=True, name="end").start()
        with suppress(Exception):
            self._end(self.code)

    def attend(self, driver: Any) -> None:
        """Takes over from Textual's driver what follows a stop that the driver was not asked for.

        The driver would begin a second time, with a second reader of the keys, and take the modes that it has set
        itself for those to be restored.

        Args:
            driver: the driver.
        """
        number = getattr(signal, "SIGCONT", None)
        if number is None or not hasattr(driver, "_must_signal_resume") or not self._before:
            return
        resume: Any = signal.getsignal(number)

        def continued(*signalled: object) -> None:
            if self.code is None:
                if not driver._must_signal_resume:
                    driver.suspend_application_mode()
                    driver._must_signal_resume = True
                resume(*signalled)

        self._before[number] = signal.SIG_DFL
        signal.signal(number, continued)

    def _wait(self) -> None:
        """Ends the process when the app has not done so in time: something holds up its thread."""
        if not self._over.wait(GRACE_SECONDS):
            self._end_now()

    def _end_now(self) -> None:
        self._make_sane()
        os._exit(self.code or 1)

    def _make_sane(self) -> None:
        """Makes the terminal usable without Textual; a terminal that takes nothing is not waited for."""
        thread = threading.Thread(target=_write_sane, args=(self._modes,), daemon=True)
        thread.start()
        thread.join(WRITE_SECONDS)

    def _watch(self) -> None:
        """Notices that the terminal is gone where no signal says so."""
        if not hasattr(select, "poll"):
            return
        poll = select.poll()
        with suppress(OSError, ValueError):
            poll.register(sys.__stdin__.fileno() if sys.__stdin__ is not None else 0, 0)
            while not self._over.is_set():
                found = [event for _descriptor, event in poll.poll(None)]
                if any(event & select.POLLNVAL for event in found):
                    # Not every system can poll a terminal.
                    return
                if any(event & (select.POLLHUP | select.POLLERR) for event in found):
                    if self.code is None:
                        self.end(getattr(signal, "SIGHUP", 1))
                    return


def _modes() -> list[Any] | None:
    """The modes of the terminal, to be set again; None where there are none."""
    try:
        import termios

        return termios.tcgetattr(0)
    except (ImportError, OSError, termios.error):
        return None


def _set_modes(modes: list[Any] | None) -> None:
    if modes is not None:
        import termios

        with suppress(termios.error, OSError):
            termios.tcsetattr(0, termios.TCSANOW, modes)


def _write_sane(modes: list[Any] | None) -> None:
    _set_modes(modes)
    with suppress(OSError):
        if os.isatty(2):
            os.write(2, SANE.encode())
