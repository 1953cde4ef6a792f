"""The small recipes and data of the unit tests."""

import signal

import pytest

from tests.unit.conftest import digits, recipe  # noqa: F401


@pytest.fixture(scope="session", autouse=True)
def _signals_reach_us() -> None:
    """Also where the tests run under nohup or in the background of a shell, whose children inherit that they do not."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)
