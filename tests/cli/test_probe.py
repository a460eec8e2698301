"""`xmc probe` by its command line."""

import json
from pathlib import Path

import pytest
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
