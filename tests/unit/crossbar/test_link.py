"""Calls that may never return."""

import threading
import time

import pytest

from codesign.crossbar.driver import InstrumentTimeoutError
from codesign.crossbar.link import Link


@pytest.fixture
def link():
    made = Link(timeout_s=60)
    yield made
    made.close()


def test_results_and_errors_come_through(link):
    """The caller sees what it would have seen."""
    assert link.call("adding", lambda: 1 + 1) == 2
    with pytest.raises(ZeroDivisionError):
        link.call("dividing", lambda: 1 / 0)
    assert not link.stuck


def test_a_call_that_does_not_return_is_given_up_on(link):
    """The caller goes on after the timeout, and the error says what it waited for."""
    free = threading.Event()
    began = time.monotonic()
    with pytest.raises(InstrumentTimeoutError, match=r"waiting: no answer within 0\.2 s"):
        link.call("waiting", lambda: free.wait(600), timeout_s=0.2)
    assert 0.2 <= time.monotonic() - began < 300
    assert link.stuck
    free.set()


def test_a_late_answer_is_not_taken_for_the_next(link):
    """The call that follows gets its own answer, and is made after the late one."""
    order = []
    free = threading.Event()

    def slow() -> str:
        free.wait(600)
        order.append("slow")
        return "late"

    with pytest.raises(InstrumentTimeoutError):
        link.call("waiting", slow, timeout_s=0.2)
    link.later(lambda: order.append("later"))
    free.set()
    assert link.call("asking", lambda: "prompt") == "prompt"
    assert order == ["slow", "later"]


def test_asking_until_done_has_an_end(link):
    """A status that never changes."""
    answers = iter([False, False, True])
    link.until("counting", lambda: next(answers), timeout_s=30)
    with pytest.raises(InstrumentTimeoutError, match=r"hanging: not done after 0\.05 s"):
        link.until("hanging", lambda: False, timeout_s=0.05)
    assert not link.stuck
