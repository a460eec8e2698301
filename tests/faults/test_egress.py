"""How the upstream of an entity is reached, and what happens where it may not be: through a whole gateway."""

import socket
import ssl
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from tests.gateways import ASK, CANARY, CHAT, Running, endpoint, running, table, target
from tests.proxies import proxying
from tests.upstreams import json_answer, scripted

from xmc.plugins import auth, azure, build_plugins, custom, openai, sse
from xmc.runtime.process import StartError
from xmc.schema import Auth, ClientCertificate, Egress, EgressPolicy, Entity, Table, Target

NAME = "models.test"


class Files:
    """An authority, a certificate of it for a client, and what is wrong in every way, as files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        client, other = self.authority.issue_cert("client.test"), self.authority.issue_cert("other.test")
        for pem in client.cert_chain_pems:
            pem.write_to_path(str(folder / "client.pem"), append=True)
        client.private_key_pem.write_to_path(str(folder / "key.pem"))
        other.private_key_pem.write_to_path(str(folder / "other-key.pem"))
        key: Any = serialization.load_pem_private_key(client.private_key_pem.bytes(), None)
        locked = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
        (folder / "locked-key.pem").write_bytes(locked)
        (folder / "junk.pem").write_text("no PEM at all\n")

    def server(self, name: str = NAME, *, wants_certificate: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name).configure_cert(context)
        if wants_certificate:
            self.authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Addresses of names that the tests make up; anything else is asked of the system."""
    known: dict[str, str] = {}
    asked = socket.getaddrinfo

    def answer(host: Any, *rest: Any, **options: Any) -> Any:
        return asked(known.get(host, host), *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return known


def served(*entities: tuple[Target, Egress | None], allow: tuple[str, ...] | None = None) -> Table:
    """A table with the endpoint `chat`, whose entities `e0`, `e1`, … are reached in ways of their own."""
    made = endpoint("chat", *(one for one, _ in entities))
    ways = zip(made.entities, entities, strict=True)
    parts: tuple[Entity, ...] = tuple(msgspec.structs.replace(one, egress=way) for one, (_, way) in ways)
    policy = None if allow is None else EgressPolicy(allow=allow)
    return msgspec.structs.replace(table(msgspec.structs.replace(made, entities=parts)), egress=policy)


async def ask(gateway: Running, entity: str = "e0") -> tuple[int, str, dict[str, str]]:
    """Ask one entity; return status, message and headers."""
    path = f"/serving-endpoints/chat/served-models/{entity}/invocations"
    async with gateway.client() as client, client.post(path, json=ASK) as reply:
        body = await reply.json()
        return reply.status, str(body.get("message", "")), {key.lower(): value for key, value in reply.headers.items()}


def at(url: str, host: str) -> str:
    """The same URL with another host."""
    scheme, port = url.partition(":")[0], url.rpartition(":")[2]
    return f"{scheme}://{host}:{port}"


@pytest.mark.parametrize("secure", [False, True])
async def test_an_entity_goes_through_its_own_proxy_and_its_neighbour_does_not(files: Files, secure: bool) -> None:
    tls = files.server("localhost") if secure else None
    async with scripted([json_answer(CHAT)], tls=tls) as upstream, proxying(upstream.url) as proxy:
        behind = target(at(upstream.url, "localhost"))
        both = served((behind, Egress(proxy=proxy.url)), (behind, None))
        async with running(both, ca_bundle=str(files.folder / "ca.pem")) as gateway:
            assert [(await ask(gateway, one))[0] for one in ("e0", "e1", "e1")] == [200, 200, 200]
    port = upstream.url.rpartition(":")[2]
    line = f"CONNECT localhost:{port} HTTP/1.1" if secure else f"POST {behind.url} HTTP/1.1"
    assert proxy.asked == [line]
    assert len(upstream.requests) == 3
    assert upstream.connections == 2


@pytest.mark.parametrize("secure", [False, True])
async def test_a_proxy_is_spoken_to_by_tls_where_its_url_says_so(files: Files, secure: bool) -> None:
    tls = files.server("localhost") if secure else None
    async with (
        scripted([json_answer(CHAT)], tls=tls) as upstream,
        proxying(upstream.url, tls=files.server("localhost")) as proxy,
    ):
        egress = Egress(proxy=at(proxy.url, "localhost"), ca_bundle="ca.pem")
        behind = served((target(at(upstream.url, "localhost")), egress))
        async with running(behind, folder=str(files.folder)) as gateway:
            assert (await ask(gateway))[0] == 200
    assert (len(proxy.asked), len(upstream.requests)) == (1, 1)


async def test_a_proxy_of_an_entity_wins_over_the_environment() -> None:
    async with (
        scripted([json_answer(CHAT)]) as upstream,
        proxying(upstream.url) as ours,
        proxying(upstream.url) as theirs,
    ):
        both = served((target("http://models.test"), Egress(proxy=ours.url)), (target("http://models.test"), None))
        async with running(both, environ={"http_proxy": theirs.url, "no_proxy": ""}) as gateway:
            assert (await ask(gateway, "e0"))[0] == 200
            assert (len(ours.asked), len(theirs.asked)) == (1, 0)
            assert (await ask(gateway, "e1"))[0] == 200
    assert (len(ours.asked), len(theirs.asked)) == (1, 1)


async def test_authorities_are_an_entitys_own(files: Files) -> None:
    async with scripted([json_answer(CHAT)], tls=files.server("localhost")) as upstream:
        one = target(upstream.url)
        both = served((one, Egress(ca_bundle="ca.pem")), (one, None))
        async with running(both, folder=str(files.folder)) as gateway:
            assert (await ask(gateway, "e0"))[0] == 200
            status, message, _ = await ask(gateway, "e1")
    assert (status, "TLS" in message) == (503, True)
    assert len(upstream.requests) == 1


async def test_a_client_certificate_is_shown_by_its_entity_alone(files: Files) -> None:
    pair = ClientCertificate(certificate="client.pem", key="key.pem")
    async with scripted([json_answer(CHAT)], tls=files.server("localhost", wants_certificate=True)) as upstream:
        one = target(upstream.url)
        both = served((one, Egress(ca_bundle="ca.pem", client_certificate=pair)), (one, Egress(ca_bundle="ca.pem")))
        async with running(both, folder=str(files.folder)) as gateway:
            assert (await ask(gateway, "e0"))[0] == 200
            assert (await ask(gateway, "e1"))[0] in {500, 503}
            assert (await ask(gateway, "e0"))[0] == 200
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("egress", [Egress(address="127.0.0.1"), Egress(host="localhost")])
async def test_a_pinned_upstream_keeps_its_name_in_tls_and_http(files: Files, egress: Egress) -> None:
    tls, shown = files.server(), []
    tls.sni_callback = lambda _, name, __: shown.append(name)
    async with scripted([json_answer(CHAT)], tls=tls) as upstream:
        url = at(upstream.url, NAME)
        async with running(served((target(url), egress)), ca_bundle=str(files.folder / "ca.pem")) as gateway:
            assert (await ask(gateway))[0] == 200
            assert (await ask(gateway))[0] == 200
    assert upstream.requests[0].headers["host"] == url.removeprefix("https://")
    assert shown == [NAME]
    assert upstream.connections == 1


async def test_a_pinned_upstream_must_prove_the_urls_name(files: Files) -> None:
    async with scripted([json_answer(CHAT)], tls=files.server("localhost")) as upstream:
        pinned = served((target(at(upstream.url, NAME)), Egress(address="127.0.0.1")))
        async with running(pinned, ca_bundle=str(files.folder / "ca.pem")) as gateway:
            status, message, _ = await ask(gateway)
    assert (status, "TLS" in message) == (503, True)


async def test_a_pin_goes_past_the_proxy_of_the_environment() -> None:
    async with scripted([json_answer(CHAT)]) as upstream, proxying(upstream.url) as proxy:
        pinned = served((target(at(upstream.url, NAME)), Egress(address="127.0.0.1")))
        async with running(pinned, environ={"http_proxy": proxy.url}) as gateway:
            assert (await ask(gateway))[0] == 200
    assert proxy.asked == []


def entra(url: str, authority: str) -> Target:
    params = {"authority": authority, "tenant": "t", "client_id": "c", "scope": "s"}
    scheme = Auth(scheme="entra-client-secret", params=params, slots={"client_secret": "scope/key"})
    return msgspec.structs.replace(target(url), auth=scheme)


def with_entra() -> Any:
    return build_plugins({"auth": auth, "azure": azure, "custom": custom, "openai": openai, "sse": sse})


TOKEN = json_answer({"access_token": "token", "expires_in": 3600})


async def test_token_endpoints_are_called_through_the_entitys_proxy() -> None:
    async with scripted([TOKEN]) as login, scripted([json_answer(CHAT)]) as upstream, proxying(login.url) as proxy:
        behind = entra("http://models.test", "http://login.test")
        async with running(served((behind, Egress(proxy=proxy.url))), plugins=with_entra()):
            pass  # the credential is acquired when the table is loaded
    assert proxy.asked == ["POST http://login.test/t/oauth2/v2.0/token HTTP/1.1"]
    assert len(login.requests) == 1
    assert not upstream.requests


async def test_a_pin_is_for_the_upstream_and_not_for_its_token_endpoint() -> None:
    async with scripted([TOKEN]) as login, scripted([json_answer(CHAT)]) as upstream:
        pinned = served((entra(at(upstream.url, NAME), login.url), Egress(address="127.0.0.1")))
        async with running(pinned, plugins=with_entra()) as gateway:
            assert (await ask(gateway))[0] == 200
    assert [len(login.requests), len(upstream.requests)] == [1, 1]


@pytest.mark.parametrize(
    ("address", "told"), [("127.0.0.1", "this machine itself"), ("169.254.169.254", "never called")]
)
async def test_a_name_that_leads_home_is_a_503_that_says_so_and_no_more(
    names: dict[str, str], capsys: pytest.CaptureFixture[str], address: str, told: str
) -> None:
    names[NAME] = address
    async with (
        scripted([json_answer(CHAT)]) as upstream,
        running(served((target(at(upstream.url, NAME)), None))) as gateway,
    ):
        status, message, headers = await ask(gateway)
        await gateway.recorded()
    assert (status, message) == (503, "the egress policy refuses the address of this upstream")
    assert headers["x-should-retry"] == "false"
    assert upstream.connections == 0
    err = capsys.readouterr().err
    assert err.startswith(f"xmc: the egress policy refuses {NAME}: it resolves to {address}, ")
    assert told in err
    assert CANARY not in err


async def test_a_name_that_is_listed_may_lead_home(names: dict[str, str]) -> None:
    names[NAME] = "127.0.0.1"
    async with scripted([json_answer(CHAT)]) as upstream:
        listed = served((target(at(upstream.url, NAME)), None), allow=(NAME,))
        async with running(listed) as gateway:
            assert (await ask(gateway))[0] == 200


REFUSED: list[tuple[str, Table, str]] = [
    ("metadata", served((target("http://169.254.169.254"), None)), "refuses the host"),
    ("odd metadata", served((target("http://0xa9fea9fe"), None)), "refuses the host"),
    ("not listed", served((target("https://models.test"), None), allow=("other.test",)), "refuses the host"),
    ("proxy", served((target("https://models.test"), Egress(proxy="http://169.254.0.1:3128"))), "refuses the proxy"),
    (
        "proxy that is not listed",
        served((target("https://models.test"), Egress(proxy="http://proxy.test:3128")), allow=("models.test",)),
        "refuses the proxy",
    ),
    ("pin", served((target("https://models.test"), Egress(address="169.254.169.254"))), "refuses the address"),
    (
        "pin to loopback",
        served((target("https://models.test"), Egress(address="::1")), allow=("models.test",)),
        "address",
    ),
    (
        "private",
        served((target("https://models.test"), Egress(host="x.test")), allow=("models.test",)),
        "refuses the host",
    ),
    ("pinned address", served((target("https://10.0.0.1"), Egress(address="10.0.0.2"))), "stand in for the address"),
    ("token", served((entra("https://models.test", "http://[fd00:ec2::254]"), None)), "refuses the host"),
]


@pytest.mark.parametrize(("_", "refused", "why"), REFUSED, ids=[one for one, _, _ in REFUSED])
async def test_a_table_that_leads_where_nothing_may_go_is_not_served(_: str, refused: Table, why: str) -> None:
    """Tables that a compiler did not make, or an older policy allowed."""
    with pytest.raises(StartError, match=f"^chat/e0: .*{why}") as caught:
        async with running(refused, plugins=with_entra()):
            pass
    assert caught.value.exit_code == 1


async def test_a_proxy_of_the_environment_must_be_listed_too() -> None:
    listed = served((target("https://models.test"), None), allow=("models.test",))
    with pytest.raises(StartError, match=r"^chat/e0: the egress policy refuses the proxy"):
        async with running(listed, environ={"https_proxy": "http://proxy.test:3128"}):
            pass


def pair(certificate: str, key: str) -> Egress:
    return Egress(client_certificate=ClientCertificate(certificate=certificate, key=key))


@pytest.mark.parametrize(
    ("egress", "why"),
    [
        (Egress(ca_bundle="absent.pem"), "the CA bundle .*absent.pem cannot be read: No such file"),
        (Egress(ca_bundle="a\0b"), "the CA bundle .* cannot be read: it is no path"),
        (Egress(ca_bundle="."), "the CA bundle .* cannot be read: Is a directory"),
        (Egress(ca_bundle="junk.pem"), "the CA bundle .*junk.pem cannot be used"),
        (pair("absent.pem", "key.pem"), "the client certificate .*absent.pem cannot be read: No such file"),
        (
            pair("client.pem", "absent.pem"),
            "the key of the client certificate .*absent.pem cannot be read: No such file",
        ),
        (pair("junk.pem", "key.pem"), "the client certificate .*junk.pem cannot be used"),
        (pair("client.pem", "junk.pem"), "the client certificate .*client.pem cannot be used"),
        (
            pair("client.pem", "other-key.pem"),
            "the client certificate .*client.pem cannot be used: KEY_VALUES_MISMATCH",
        ),
        (pair("client.pem", "locked-key.pem"), "the client certificate .*client.pem cannot be used"),
    ],
)
async def test_a_file_that_cannot_be_used_is_told_with_its_entity_when_serving_begins(
    files: Files, egress: Egress, why: str
) -> None:
    wrong = served((target("https://models.test"), None), (target("https://models.test"), egress))
    with pytest.raises(StartError, match=f"^chat/e1: {why}") as caught:
        async with running(wrong, folder=str(files.folder)):
            pass
    assert caught.value.exit_code == 1


async def test_absolute_paths_are_taken_as_they_are(files: Files, tmp_path: Path) -> None:
    async with scripted([json_answer(CHAT)], tls=files.server("localhost")) as upstream:
        absolute = served((target(upstream.url), Egress(ca_bundle=str(files.folder / "ca.pem"))))
        async with running(absolute, folder=str(tmp_path)) as gateway:
            assert (await ask(gateway))[0] == 200


async def test_entities_that_are_reached_alike_share_their_connections() -> None:
    async with scripted([json_answer(CHAT)]) as upstream, proxying(upstream.url) as proxy:
        one, way = target(at(upstream.url, NAME)), Egress(address="127.0.0.1")
        three = served((one, way), (one, way), (one, Egress(proxy=proxy.url)))
        async with running(three) as gateway:
            for entity in ("e0", "e1", "e0", "e2"):
                assert (await ask(gateway, entity))[0] == 200
    assert [seen.connection for seen in upstream.requests] == [1, 1, 1, 2]


async def test_a_token_is_shared_by_those_who_fetch_it_by_the_same_way() -> None:
    """A pin changes nothing about the token endpoint; a proxy does."""
    async with scripted([TOKEN]) as login, proxying(login.url) as proxy:
        one = entra("http://models.test", login.url)
        ways = (None, Egress(address="127.0.0.1"), Egress(host="localhost"), Egress(proxy=proxy.url))
        async with running(served(*((one, way) for way in ways)), plugins=with_entra()):
            pass
    assert [len(login.requests), len(proxy.asked)] == [2, 1]
