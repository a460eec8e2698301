import io
import threading

import pytest

from xmc.cli.progress import doing


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
