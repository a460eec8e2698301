"""The access log's file through what log rotation does to it."""

from pathlib import Path

from xmc.runtime.log_sink import LogSink


def test_a_file_is_appended_to_and_closed_to_others(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"old\n")
    LogSink(str(log))(b"new\n")
    assert log.read_bytes() == b"old\nnew\n"
    made = tmp_path / "made"
    LogSink(str(made))(b"x")
    assert made.stat().st_mode & 0o007 == 0


def test_a_renamed_file_is_made_anew(tmp_path: Path) -> None:
    log, rotated = tmp_path / "log", tmp_path / "log.1"
    sink = LogSink(str(log))
    sink(b"one\n")
    log.rename(rotated)
    sink(b"two\n")
    log.unlink()
    sink(b"three\n")
    assert (rotated.read_bytes(), log.read_bytes()) == (b"one\n", b"three\n")


def test_a_file_that_somebody_else_made_anew_is_used(tmp_path: Path) -> None:
    log = tmp_path / "log"
    sink = LogSink(str(log))
    log.rename(tmp_path / "log.1")
    log.write_bytes(b"")
    sink(b"one\n")
    assert log.read_bytes() == b"one\n"


def test_a_file_cut_short_in_place_leaves_no_hole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    sink = LogSink(str(log))
    sink(b"one\n" * 100)
    log.write_bytes(b"")
    sink(b"two\n")
    assert log.read_bytes() == b"two\n"


def test_where_no_file_can_be_made_the_old_one_takes_the_lines(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    sink = LogSink(str(folder / "log"))
    folder.rename(tmp_path / "moved")
    sink(b"one\n")
    assert (tmp_path / "moved" / "log").read_bytes() == b"one\n"


def test_a_closed_sink_holds_no_file(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    sink = LogSink(str(tmp_path / "log"))
    sink(b"line\n")
    sink.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert (tmp_path / "log").read_bytes() == b"line\n"
