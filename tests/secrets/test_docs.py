"""What `docs/secrets.md` shows, works."""

import re
from pathlib import Path

import pytest
from tests.secrets.openbao import OpenBao
from tests.secrets.test_vault import session, slot

from xmc.compiler import Source, compile_source
from xmc.plugins import StoreError, build_plugins

PAGE = (Path(__file__).parents[2] / "docs" / "secrets.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_each_spec_compiles(text: str) -> None:
    compiled = compile_source(Source("docs/secrets.md", text.encode()), build_plugins())
    assert compiled.diagnostics == ()


def test_the_policies_are_enough_and_no_more(bao: OpenBao, canary: str) -> None:
    bao.put("openai", key=canary)
    compile_policy, serve_policy = (rule for text in blocks("hcl") for rule in re.findall(r'path "([^"]+)"', text))
    compiling, serving = session(bao, bao.token(compile_policy)), session(bao, bao.token(serve_policy))
    assert compiling.prove(slot("openai")).value_was_read is False
    assert serving.read(slot("openai"))[0].reveal() == canary
    with pytest.raises(StoreError):
        compiling.read(slot("openai"))
