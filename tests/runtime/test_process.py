"""The serving process itself: what it loads, how it refuses to start, how it stops."""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.gateways import CANARY, endpoint, table, target

from xmc.runtime import Settings, encode_settings
from xmc.runtime.__main__ import main
from xmc.schema import SecretSlot, Store, Table, encode_table

pytestmark = pytest.mark.process

FORBIDDEN = ("botocore", "xmc.compiler", "yaml", "jsonschema", "jinja2", "click", "rich", "hvac", "requests")


def settings(folder: Path, served: Table | None = None, **changes: Any) -> Settings:
    path, secrets = folder / "t.xmc.json", folder / "t.xmc.secrets"
    served = served or table(endpoint("chat", target("http://127.0.0.1:9")))
    path.write_bytes(encode_table(served))
    digest = json.loads(path.read_text())["digest"]
    secrets.write_text(json.dumps({"digest": digest, "secrets": {"scope/key": CANARY}}))
    secrets.chmod(0o600)
    return Settings(
        **{"table": str(path), "name": path.name, "secrets": str(secrets), "port": 0, "access_log": "-", **changes}
    )


@contextmanager
def process(given: Settings, *flags: str, program: str | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the process and yield it with the URL that it announced."""
    words = ["-c", program] if program else ["-m", "xmc.runtime"]
    started = subprocess.Popen(
        [sys.executable, *flags, *words, encode_settings(given)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        found = re.match(r"listening on (http://\S+) \(", line)
        if found is None:
            started.kill()
            raise AssertionError(line + started.communicate()[1])
        yield started, found[1]
    finally:
        started.kill()
        started.communicate()


Refused = Callable[[Settings | str], tuple[int, str]]


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Refused:
    """Run the process's `main` here, which refuses to start, and return exit code and stderr."""

    def run(given: Settings | str) -> tuple[int, str]:
        code = main(["xmc.runtime", given if isinstance(given, str) else encode_settings(given)])
        out, err = capfd.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert CANARY not in err
        return code, err

    return run


def get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310 - the URL is the test's own
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_logs_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with process(settings(tmp_path, metrics_port=0)) as (started, url):
        assert started.stdout is not None
        metrics = re.fullmatch(r"metrics on (http://\S+)\n", started.stdout.readline())
        assert metrics is not None
        assert get(f"{url}/health/ready")[0] == 200
        assert b"xmc_requests_total" in get(metrics[1])[1]
        started.send_signal(number)
        out, err = started.communicate(timeout=10)
    assert (started.returncode, err) == (0, "")
    assert json.loads(out)["path"] == "/health/ready"
    assert CANARY not in out


def test_it_takes_as_many_connections_as_the_system_allows(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))  # inherited
    try:
        with process(settings(tmp_path)) as (started, _):
            assert resource.prlimit(started.pid, resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_metrics_port_serves_nothing_else(tmp_path: Path) -> None:
    with process(settings(tmp_path, metrics_port=0)) as (started, _):
        assert started.stdout is not None
        root = started.stdout.readline().split()[-1].removesuffix("/metrics")
        for path, expected in [("/health/live", 200), ("/health/ready", 200), ("/api/2.0/serving-endpoints", 404)]:
            assert (path, get(root + path)[0]) == (path, expected)


def test_a_serving_process_holds_neither_compiler_nor_command_line(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from xmc.runtime.__main__ import main\n"
        "code = main(sys.argv)\n"
        "print('MODULES', *sorted(sys.modules))\n"
        "sys.exit(code)\n"
    )
    with process(settings(tmp_path), program=program) as (started, url):
        assert get(f"{url}/health/ready")[0] == 200
        started.terminate()
        out, _ = started.communicate(timeout=10)
    loaded = set(out.split("MODULES ", 1)[1].split())
    assert "xmc.runtime.query" in loaded
    assert [name for name in FORBIDDEN if name in loaded] == []
    # What opens a sealed file is loaded for a sealed file alone.
    assert "cryptography.hazmat.primitives.ciphers.aead" not in loaded


def test_typed_in_secrets_and_a_table_come_by_descriptor(tmp_path: Path) -> None:
    given = settings(tmp_path)
    table_fd, secrets_fd = os.memfd_create("t"), os.memfd_create("s")
    os.write(table_fd, Path(given.table).read_bytes())
    os.write(secrets_fd, msgspec.json.encode({"scope/key": CANARY}))
    argument = encode_settings(msgspec.structs.replace(given, table=f"fd:{table_fd}", secrets=f"fd:{secrets_fd}"))
    started = subprocess.Popen(
        [sys.executable, "-m", "xmc.runtime", argument],
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=(table_fd, secrets_fd),
    )
    try:
        assert started.stdout is not None
        assert started.stdout.readline().startswith("listening on ")
        # Nothing that holds the secret stays open.
        assert not [fd for fd in Path(f"/proc/{started.pid}/fd").iterdir() if "memfd" in str(fd.readlink())]
    finally:
        started.terminate()
        started.communicate(timeout=10)
        os.close(table_fd)
        os.close(secrets_fd)
    assert started.returncode == 0


def test_a_port_in_use_is_a_usage_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        argument = encode_settings(settings(tmp_path, port=port))
        words = [sys.executable, "-m", "xmc.runtime", argument]
        ran = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    said = f"xmc: cannot listen on http://127.0.0.1:{port}: Address already in use\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", said)


def test_a_table_that_was_changed_is_refused(tmp_path: Path, refused: Refused) -> None:
    given = settings(tmp_path)
    path = Path(given.table)
    path.write_text(path.read_text().replace('"m"', '"other"'))
    code, said = refused(given)
    assert code == 1
    assert "t.xmc.json: the digest does not fit" in said


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format": 99}', b"\xff\xfe"])
def test_what_is_no_table_is_refused(tmp_path: Path, data: bytes, refused: Refused) -> None:
    given = settings(tmp_path)
    Path(given.table).write_bytes(data)
    code, said = refused(given)
    assert code == 1
    assert "t.xmc.json: this" in said


def test_what_is_missing_for_a_table_is_named_at_once(tmp_path: Path, refused: Refused) -> None:
    plain = target("http://127.0.0.1:9")
    auth = msgspec.structs.replace(plain.auth, scheme="x")
    served = table(
        endpoint("a", msgspec.structs.replace(plain, provider="nobody")),
        endpoint("b", msgspec.structs.replace(plain, framing="smoke", auth=auth)),
    )
    code, said = refused(settings(tmp_path, served))
    assert code == 1
    assert "provider 'nobody', authentication scheme 'x', framing 'smoke'" in said


def test_another_plugin_contract_is_refused(tmp_path: Path, refused: Refused) -> None:
    served = msgspec.structs.replace(table(endpoint("a", target("http://127.0.0.1:9"))), contract=999)
    code, said = refused(settings(tmp_path, served))
    assert (code, "compile the spec again" in said) == (1, True)


def test_secrets_that_are_not_there_are_named(tmp_path: Path, refused: Refused) -> None:
    code, said = refused(settings(tmp_path, secrets=str(tmp_path / "gone.xmc.secrets")))
    assert code == 1
    assert "gone.xmc.secrets" in said


def test_a_store_that_does_not_answer_has_its_own_exit_code(
    tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", CANARY)
    monkeypatch.setattr("xmc.runtime.secrets.RETRY_PAUSES_S", ())
    slot = SecretSlot(ref="{{secrets/scope/key}}", store="v", path="secret:kv2:scope", field="key")
    served = msgspec.structs.replace(
        table(endpoint("a", target("http://127.0.0.1:9"))),
        secrets={"scope/key": slot},
        stores={"v": Store(kind="vault", config={"address": "http://127.0.0.1:9"})},
    )
    code, said = refused(settings(tmp_path, served))
    assert code == 4
    assert "scope/key" in said


def test_a_fault_of_our_own_says_where_and_not_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr("xmc.runtime.process.verify", fail)
    assert main(["xmc.runtime", encode_settings(settings(tmp_path))]) == 3
    said = capfd.readouterr().err
    assert "internal error RuntimeError" in said
    assert CANARY not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "gateway.test"])  # noqa: S104 - what is refused
def test_beyond_loopback_principals_are_needed(tmp_path: Path, host: str, refused: Refused) -> None:
    code, said = refused(settings(tmp_path, host=host))
    assert code == 2
    assert "--insecure-no-auth" in said


def test_beyond_loopback_without_principals_when_told_so(tmp_path: Path) -> None:
    with process(settings(tmp_path, host="0.0.0.0", insecure_no_auth=True)) as (_, url):  # noqa: S104 - as told
        port = url.rsplit(":", 1)[1]
        assert get(f"http://127.0.0.1:{port}/health/live")[0] == 200


@pytest.mark.parametrize("argument", ["", "{", "[]", '{"table": 1}', '{"table": "t", "name": "n", "unknown": 1}'])
def test_settings_that_are_none_are_a_usage_error(argument: str, refused: Refused) -> None:
    assert refused(argument)[0] == 2


def test_files_that_cannot_be_used_are_usage_errors(tmp_path: Path, refused: Refused) -> None:
    assert refused(settings(tmp_path, table=str(tmp_path / "none")))[0] == 2
    assert refused(settings(tmp_path, access_log=str(tmp_path / "none" / "log")))[0] == 2
    empty = tmp_path / "ca.pem"
    empty.write_text("")
    assert refused(settings(tmp_path, ca_bundle=str(empty)))[0] == 2
