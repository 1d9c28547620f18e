"""Calls to an instrument that may never return: another thread makes them, and each has its time."""

import itertools
import queue
import threading
import time
from collections.abc import Callable

from codesign.crossbar.driver import InstrumentTimeoutError

SHORTEST_POLL_S, LONGEST_POLL_S = 5e-5, 1e-3


class Link:
    """One thread makes every call, in the order they were asked for.

    A call that does not return in its time raises in the caller. The thread may stay inside it; what is asked
    of it afterwards is done as soon as it comes back. The thread is a daemon: a process with a call that
    never returns still ends.
    """

    def __init__(self, *, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.stuck = False
        """A call was given up on."""
        self._numbers = itertools.count()
        self._asked: queue.SimpleQueue = queue.SimpleQueue()
        self._answers: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="instrument", daemon=True).start()

    def _serve(self) -> None:
        while (item := self._asked.get()) is not None:
            number, function = item
            try:
                answer = (number, function(), None)
            except BaseException as error:
                answer = (number, None, error)
            self._answers.put(answer)

    def call(self, what: str, function: Callable, *, timeout_s: float | None = None):
        """The result of `function()`.

        Args:
            what: The call in words, for the error.
            function: Makes one call.
            timeout_s: Longest wait; None is the link's own.

        Raises:
            InstrumentTimeoutError: It did not return in time.
            Exception: Whatever the call raised.
        """
        limit = self.timeout_s if timeout_s is None else timeout_s
        number = next(self._numbers)
        end = time.monotonic() + limit
        self._asked.put((number, function))
        while True:
            try:
                answered, result, error = self._answers.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                self.stuck = True
                raise InstrumentTimeoutError(f"{what}: no answer within {limit:g} s.") from None
            if answered != number:
                continue  # the late answer to a call that was given up on
            if error is not None:
                raise error
            return result

    def until(self, what: str, done: Callable[[], bool], *, timeout_s: float) -> None:
        """Ask `done()` again and again until it is true.

        Raises:
            InstrumentTimeoutError: It is not, `timeout_s` after the first question.
            Exception: Whatever `done` raised.
        """
        end = time.monotonic() + timeout_s
        pause = SHORTEST_POLL_S
        while not self.call(what, done):
            if time.monotonic() > end:
                raise InstrumentTimeoutError(f"{what}: not done after {timeout_s:g} s.")
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_POLL_S)

    def later(self, function: Callable) -> None:
        """Make a call in its turn, and wait for nothing."""
        self._asked.put((next(self._numbers), function))

    def close(self) -> None:
        """Let the thread end after the calls already asked for."""
        self._asked.put(None)
