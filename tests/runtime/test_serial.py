"""The serial file under any order of starts, and under starts at once."""

import json
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmc.runtime.serial import SerialFileError, accept_serial, check_serial
from xmc.schema import SignatureError, Statement


def statement(serial: int, table: str = "") -> Statement:
    return Statement(table=table or f"sha256:{serial}", lock="sha256:0", key="k", serial=serial)


@given(st.lists(st.integers(0, 5), max_size=12))
def test_what_is_accepted_never_falls(serials: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, highest = Path(folder, "serial"), -1
        for serial in serials:
            if serial < highest:
                with pytest.raises(SignatureError):
                    check_serial(file, statement(serial))
                with pytest.raises(SignatureError):
                    accept_serial(file, statement(serial))
            else:
                check_serial(file, statement(serial))
                accept_serial(file, statement(serial))
                highest = serial
            if highest >= 0:
                assert json.loads(file.read_text())["serial"] == highest
        assert {path.name for path in Path(folder).iterdir()} <= {"serial"}


def test_to_look_changes_nothing(tmp_path: Path) -> None:
    check_serial(tmp_path / "serial", statement(3))
    assert list(tmp_path.iterdir()) == []


def test_processes_that_start_at_once_do_not_lower_it(tmp_path: Path) -> None:
    file = tmp_path / "serial"
    start = threading.Barrier(16)

    def run(serial: int) -> None:
        start.wait()
        try:
            accept_serial(file, statement(serial))
        except SignatureError:
            return

    threads = [threading.Thread(target=run, args=(serial,)) for serial in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads(file.read_text())["serial"] == 15
    assert [path.name for path in tmp_path.iterdir()] == ["serial"]


def test_a_failed_write_leaves_the_old_serial_and_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "serial"
    accept_serial(file, statement(1))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SerialFileError, match="No space left"):
        accept_serial(file, statement(2))
    assert json.loads(file.read_text())["serial"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["serial"]
