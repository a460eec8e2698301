"""`xmc init` as a user meets it: what it writes compiles."""

from pathlib import Path

import pytest
from tests.command import Ran, run_cli

from xmc.plugins import build_plugins

BY_PROVIDER = {
    "ai21labs": ("jamba-large",),
    "amazon-bedrock": ("amazon.nova-lite-v1:0", "aws_region=eu-west-1", "bedrock_provider=Amazon", "aws_bearer_token"),
    "anthropic": ("claude-sonnet-4-6",),
    "cohere": ("command-a-03-2025",),
    "custom": ("any", "custom_provider_url=https://models.example.com/v1"),
    "databricks-model-serving": ("any", "databricks_workspace_url=https://adb-1.2.azuredatabricks.net"),
    "google-cloud-vertex-ai": ("gemini-3.5-flash", "project_id=any", "region=europe-west1", "vertex_drop_params=[]"),
    "openai": ("gpt-4o",),
}
# Nothing answers at its API any more.
GONE = {"palm"}
OPTIONAL = {"vertex_drop_params", "aws_bearer_token"}


def init(folder: Path, provider: str, model: str, *config: str, more: tuple[str, ...] = ()) -> Ran:
    flags = [part for one in config for part in ("--config", one)]
    return run_cli(folder, "init", "--provider", provider, "--model", model, *flags, *more)


def test_every_provider_has_a_line_here() -> None:
    assert set(build_plugins().providers) - GONE == set(BY_PROVIDER)


@pytest.mark.parametrize("provider", BY_PROVIDER)
@pytest.mark.parametrize("store", ["vault", "env"])
def test_a_first_spec_compiles_without_a_word(provider: str, store: str, tmp_path: Path) -> None:
    done = init(tmp_path, provider, *BY_PROVIDER[provider], more=("--store", store))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "wrote endpoints.yaml and xmc.schema.json"
    assert f"is read from the store '{store}'" in done.stdout
    text = (tmp_path / "endpoints.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=xmc.schema.json\n")
    assert "{{secrets/" in text
    checked = run_cli(tmp_path, "check", "--offline", "--format", "json")
    assert (checked.returncode, '"warnings": 0' in checked.stdout) == (0, True)
    assert (tmp_path / "xmc.schema.json").read_text() == run_cli(tmp_path, "schema").stdout


@pytest.mark.parametrize("provider", [name for name, (_, *config) in BY_PROVIDER.items() if config])
def test_what_only_the_user_knows_is_asked_for(provider: str, tmp_path: Path) -> None:
    done = init(tmp_path, provider, BY_PROVIDER[provider][0])
    assert done.returncode == 2
    for flag in BY_PROVIDER[provider][1:]:
        key = flag.partition("=")[0]
        assert (f"--config {key}=…" in done.stderr) == (key not in OPTIONAL)
    assert not list(tmp_path.iterdir())


def test_what_a_schema_does_not_know_is_a_diagnostic_and_nothing_is_written(tmp_path: Path) -> None:
    done = init(tmp_path, "amazon-bedrock", *BY_PROVIDER["amazon-bedrock"][:-1])
    assert done.returncode == 1
    assert "error[XMC403]" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "endpoints.yaml").write_text("mine\n")
    done = init(tmp_path, "openai", "gpt-4o")
    assert (done.returncode, done.stderr) == (2, "Error: endpoints.yaml is there already; --force replaces it\n")
    assert (tmp_path / "endpoints.yaml").read_text() == "mine\n"
    assert init(tmp_path, "openai", "gpt-4o", more=("--force", "--no-schema")).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["endpoints.yaml"]


def test_values_are_read_as_yaml_and_blocks_are_filled(tmp_path: Path) -> None:
    config = ("custom_provider_url=https://models.example.com/v1", "stream_usage=false")
    done = init(tmp_path, "custom", "any", *config, more=("-o", "-", "--name", "mine"))
    assert done.returncode == 0
    assert "stream_usage: false\n" in done.stdout
    assert "bearer_token_auth:\n            token: '{{secrets/custom/token}}'\n" in done.stdout
    assert "- name: mine\n" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--provider", "opnai", "--model", "m"), "'opnai' is not installed; did you mean 'openai'?"),
        (
            ("--provider", "openai", "--model", "m", "--store", "vualt"),
            "'vualt' is not installed; did you mean 'vault'?",
        ),
        (("--model", "m"), "Missing option '--provider'"),
    ],
)
def test_wrong_flags_are_usage_errors(flags: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = run_cli(tmp_path, "init", *flags)
    assert done.returncode == 2
    assert said in done.stderr
