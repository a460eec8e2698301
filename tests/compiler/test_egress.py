"""What the egress of a spec comes to in the table, and where a host is looked for that nobody wrote."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import pytest
from tests.compiler.specs import SPEC, FakeProvider, codes, compile_text

from xmc.compiler import Compiled
from xmc.plugins import AuthIO, AuthScheme, Clock, Credential, Plugins, build_plugins, hookimpl, installed
from xmc.schema import (
    Auth,
    ClientCertificate,
    Egress,
    EgressPolicy,
    Secret,
    WireRequest,
    canonical_json,
    decode_table,
    digest,
    encode_table,
)

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", (DOCS / "egress.md").read_text(), re.DOTALL)
CUSTOM = """\
    - name: {name}
      external_model:
        name: m
        provider: custom
        task: llm/v1/chat
        custom_provider_config:
          custom_provider_url: {url}
          bearer_token_auth: {{token: "{{{{secrets/a/b}}}}"}}
      {egress}
"""


def spec(url: str, egress: str = "", top: str = "") -> str:
    entity = CUSTOM.format(name="e", url=url, egress=f"egress: {egress}" if egress else "")
    return f"{top}\nendpoints:\n- name: chat\n  served_entities:\n{entity}"


def egress_of(compiled: Compiled) -> Egress | None:
    assert compiled.table is not None, compiled.diagnostics
    return compiled.table.endpoints[0].entities[0].egress


def test_the_example_of_the_page(plugins: Plugins) -> None:
    (text,) = EXAMPLES
    compiled = compile_text(text, plugins)
    assert codes(compiled) == []
    assert compiled.table is not None
    public, private, here = (entity.egress for entity in compiled.table.endpoints[0].entities)
    assert public == Egress(proxy="http://proxy.example.com:3128", ca_bundle="tls/company.pem")
    certificate = ClientCertificate(certificate="tls/client.pem", key="tls/client-key.pem")
    assert private == Egress(address="10.20.0.5", client_certificate=certificate)
    assert here == Egress(ca_bundle="tls/company.pem")
    assert compiled.table.egress is not None
    assert compiled.table.egress.allow == tuple(sorted(compiled.table.egress.allow))


def test_a_spec_without_egress_has_none(plugins: Plugins) -> None:
    compiled = compile_text(SPEC, plugins)
    assert egress_of(compiled) is None
    assert compiled.table is not None
    assert compiled.table.egress is None


def test_a_table_from_before_egress_loads(plugins: Plugins) -> None:
    """Old files have neither member."""
    compiled = compile_text(SPEC, plugins)
    assert compiled.table is not None
    plain = msgspec.json.decode(encode_table(compiled.table))
    del plain["egress"], plain["digest"]
    for endpoint in plain["endpoints"]:
        for entity in endpoint["entities"]:
            del entity["egress"]
    loaded = decode_table(canonical_json({**plain, "digest": digest(plain)}) + b"\n")
    assert loaded.endpoints == compiled.table.endpoints


PROXY = '{proxy: "HTTP://Proxy.Example:3128/"}'
AT_PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("url", "egress", "default", "expected"),
    [
        ("https://a.example", PROXY, "", Egress(proxy=AT_PROXY)),
        ("https://a.example", "", PROXY, Egress(proxy=AT_PROXY)),
        ("https://a.example", "{}", PROXY, None),
        ("https://a.example", "{ca_bundle: ca.pem}", PROXY, Egress(ca_bundle="ca.pem")),
        ("http://localhost:1", "", PROXY, None),
        ("http://localhost:1", PROXY, "", Egress(proxy=AT_PROXY)),
        ("http://a.example", "", "{client_certificate: {certificate: c, key: k}}", None),
        ("https://a.example", '{address: "[FD00:0::5]"}', "", Egress(address="fd00::5")),
        ("https://a.example", "{host: Bücher.Example.}", "", Egress(host="xn--bcher-kva.example")),
    ],
)
def test_defaults_are_for_entities_that_say_nothing(
    plugins: Plugins, url: str, egress: str, default: str, expected: Egress | None
) -> None:
    top = f"defaults: {{egress: {default}}}" if default else ""
    assert egress_of(compile_text(spec(url, egress, top), plugins)) == expected


def test_spellings_of_one_host_are_one_entry(plugins: Plugins) -> None:
    top = 'egress: {allow: [A.example, a.example., "[::1]", "::1", "0:0::1", "*.B.example", bücher.example]}'
    compiled = compile_text(spec("https://a.example", top=top), plugins)
    assert compiled.table is not None
    assert compiled.table.egress == EgressPolicy(allow=("*.b.example", "::1", "a.example", "xn--bcher-kva.example"))


class Scheme:
    """Calls a host of its own, and says so only where it has `calls`."""

    name = "stranger"

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        raise NotImplementedError

    def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
        raise NotImplementedError

    def stale(self, status: int, headers: Mapping[str, str]) -> bool:
        raise NotImplementedError


class Telling(Scheme):
    def calls(self, auth: Auth) -> tuple[str, ...]:
        return (auth.params["at"],)


def with_scheme(scheme: AuthScheme) -> Plugins:
    class Added:
        XMC_CONTRACT = 1

        @hookimpl
        def xmc_auth_schemes(self) -> Iterable[AuthScheme]:
            return (scheme,)

    provider = FakeProvider(changes={"auth": Auth(scheme="stranger", params={"at": "https://sts.example/"})})

    class Fake:
        XMC_CONTRACT = 1

        @hookimpl
        def xmc_providers(self) -> Iterable[FakeProvider]:
            return (provider,)

    known = {name: plugin for name, (plugin, _) in installed().items()}
    return build_plugins({**known, "fake": Fake(), "added": Added()})


@pytest.mark.parametrize(("scheme", "found"), [(Telling(), ["XMC341"]), (Scheme(), [])])
def test_what_a_strangers_scheme_says_it_calls_is_checked(scheme: AuthScheme, found: list[str]) -> None:
    text = """\
egress: {allow: [127.0.0.1]}
endpoints:
  - name: chat
    served_entities:
      - name: main
        external_model:
          name: m
          provider: fake
          task: llm/v1/chat
          fake_config:
            deep: {list: [1], key: "{{secrets/a/b}}"}
"""
    compiled = compile_text(text, with_scheme(scheme))
    assert codes(compiled) == found
    for one in compiled.diagnostics:
        assert (one.span.line, "sts.example" in one.message, "stranger" in one.message) == (8, True, True)
