"""`xmc probe` by its command line."""

import json
import ssl
from pathlib import Path

import pytest
import trustme
from tests.cli.test_serve import CANARY, xmc
from tests.clients.simulator import simulator

pytestmark = pytest.mark.process

SPEC = """\
endpoints:
- name: chat
  served_entities:
  - name: one
    external_model:
      name: some-model
      provider: openai
      task: llm/v1/chat
      openai_config:
        openai_api_base: {base}
        openai_api_key_plaintext: {key}
  - name: none
    external_model:
      name: some-model
      provider: openai
      task: llm/v1/chat
      openai_config:
        openai_api_base: http://127.0.0.1:9/v1
        openai_api_key_plaintext: {key}
  traffic_config:
    routes:
    - {{served_model_name: one, traffic_percentage: 100}}
    - {{served_model_name: none, traffic_percentage: 0}}
"""


def test_a_line_for_each_target_and_an_exit_code(tmp_path: Path) -> None:
    with simulator(CANARY) as upstream:
        (tmp_path / "endpoints.yaml").write_text(SPEC.format(base=f"{upstream.url}/v1", key=upstream.key))
        done = xmc(tmp_path, "probe")
        first, second, last = done.stdout.splitlines()
        assert first.startswith("ok      chat/one (openai): ")
        assert second.startswith("FAILED  chat/none (openai): 503")
        assert last == "1 of 2 targets answered"
        assert done.returncode == 1
        assert upstream.key not in done.stdout + done.stderr
        told = xmc(tmp_path, "probe", "chat", "--from", "endpoints.yaml", "--format", "json")
    results = [json.loads(line) for line in told.stdout.splitlines()]
    assert [(one["entity"], one["ok"]) for one in results] == [("one", True), ("none", False)]


def test_what_is_wrong_on_the_command_line_is_said(tmp_path: Path) -> None:
    (tmp_path / "endpoints.yaml").write_text(SPEC.format(base="http://127.0.0.1:9/v1", key=CANARY))
    done = xmc(tmp_path, "probe", "endpoints.yaml")
    assert (done.returncode, "say xmc probe --from endpoints.yaml" in done.stderr) == (2, True)
    done = xmc(tmp_path, "probe", "chatt")
    assert (done.returncode, "no endpoint 'chatt'; its endpoints: chat" in done.stderr) == (2, True)


def test_an_entitys_egress_is_honoured_and_its_paths_count_from_the_table(tmp_path: Path) -> None:
    """A spec served from another folder, an upstream behind TLS of one's own, and one that may not be called."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("models.test").configure_cert(tls)
    (tmp_path / "tls").mkdir()
    authority.cert_pem.write_to_path(str(tmp_path / "tls" / "ca.pem"))
    with simulator(CANARY, tls=tls) as upstream:
        port = upstream.url.rpartition(":")[2]
        text = SPEC.format(base=f"https://models.test:{port}/v1", key=upstream.key)
        own = "\n    egress: {address: 127.0.0.1, ca_bundle: tls/ca.pem}\n  - name: none"
        (tmp_path / "endpoints.yaml").write_text(text.replace("\n  - name: none", own))
        done = xmc(tmp_path.parent, "probe", "--from", f"{tmp_path.name}/endpoints.yaml")
        assert done.stdout.splitlines()[0].startswith("ok      chat/one (openai): ")
        assert xmc(tmp_path, "compile", "endpoints.yaml", "-o", "t.xmc.json").returncode == 0
        done = xmc(tmp_path.parent, "probe", "--from", f"{tmp_path.name}/t.xmc.json")
        assert done.stdout.splitlines()[0].startswith("ok      chat/one (openai): ")
    (tmp_path / "tls" / "ca.pem").unlink()
    done = xmc(tmp_path, "serve", "t.xmc.json", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "xmc: chat/one: the CA bundle tls/ca.pem cannot be read: No such file or directory\n"
