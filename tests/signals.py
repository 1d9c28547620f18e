"""Signals of programs that tests start."""

import signal


def heed_signals() -> None:
    """What a terminal gives a program; tests that run in the background inherit signals that are ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
