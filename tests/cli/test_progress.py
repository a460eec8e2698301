import io
import threading

import pytest

from xmc.cli.progress import doing, watching


class Terminal(io.StringIO):
    def __init__(self, *, isatty: bool) -> None:
        super().__init__()
        self.said = threading.Event()
        self._isatty = isatty

    def isatty(self) -> bool:
        return self._isatty

    def flush(self) -> None:
        self.said.set()


def test_a_terminal_is_told_what_takes_long_and_is_left_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(isatty=True)
    monkeypatch.setattr("sys.stderr", terminal)
    with doing("counting", after_s=0):
        assert terminal.said.wait(10)
        assert terminal.getvalue() == "xmc: counting …"
    assert terminal.getvalue() == "xmc: counting …\r\x1b[K"


@pytest.mark.parametrize(("isatty", "after_s"), [(True, 1000.0), (False, 0.0)])
def test_nothing_is_said_of_what_is_quick_or_to_a_file(
    isatty: bool, after_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal(isatty=isatty)
    monkeypatch.setattr("sys.stderr", terminal)
    with doing("counting", after_s=after_s):
        pass
    assert terminal.getvalue() == ""


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("isatty", "slow"), [(True, True), (True, False), (False, True)])
def test_a_bar_shows_how_far_slow_work_has_come(isatty: bool, slow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, clock = Terminal(isatty=isatty), Clock()
    monkeypatch.setattr("sys.stderr", terminal)
    with watching("compiling 2 files", clock=clock) as progress:
        progress(0.25)
        assert terminal.getvalue() == ""
        clock.now = 1.5 if slow else 0.5
        progress(0.5)
        progress(0.75)
        seen = [part in terminal.getvalue() for part in ("xmc: compiling 2 files", " 50%", " 75%")]
        assert seen == [isatty and slow] * 3
    assert terminal.getvalue().endswith("\r\x1b[K") == (isatty and slow)
