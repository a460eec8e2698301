"""No connection is made that the egress policy refuses: by address, name or proxy, or by a name that changes."""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from tests.upstreams import json_answer, scripted

from xmc.runtime.aiohttp_upstream import AiohttpUpstream, tls_context
from xmc.runtime.errors import EgressRefusedError
from xmc.runtime.guard import Guard, GuardedResolver, RefusedSocketError
from xmc.runtime.proxy import Proxies
from xmc.schema import EgressPolicy, Timeouts, WireRequest

METADATA = "169.254.169.254"
PUBLIC = "203.0.113.7"


class Answers(AbstractResolver):
    """DNS that gives the next answer at every question, and the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ResolveResult(hostname=host, host=one, port=port, family=0, proto=0, flags=0) for one in answer]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def client(
    policy: EgressPolicy | None = None,
    resolver: AbstractResolver | None = None,
    environ: dict[str, str] | None = None,
    guard: Guard | None = None,
) -> AsyncIterator[AiohttpUpstream]:
    guarded = guard or Guard(policy, lambda _: None)
    upstream = AiohttpUpstream(tls_context(None), Proxies(environ or {}), guarded, resolver=resolver)
    try:
        yield upstream
    finally:
        await upstream.close()


async def ask(upstream: AiohttpUpstream, url: str) -> bytes:
    reply = await upstream.send(WireRequest("POST", url, (), b"{}"), Timeouts(connect_ms=2_000))
    try:
        return await reply.read(1000)
    finally:
        reply.close()


def addresses(found: list[ResolveResult]) -> list[str]:
    return [one["host"] for one in found]


@pytest.mark.parametrize(
    "host",
    [
        METADATA, "169.254.1.2", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "[fe80::1]", "[fd00:ec2::254]", "100.100.100.200", "0.0.0.0",  # noqa: S104 - refused, not bound
        "[::]", "224.0.0.1", "metadata.google.internal",
    ],
)  # fmt: skip
async def test_what_is_never_called_is_not_called_however_it_is_written(host: str) -> None:
    async with client(EgressPolicy(allow=(host,))) as up:
        with pytest.raises(EgressRefusedError, match="refuses the host"):
            await ask(up, f"http://{host}:9/")


async def test_a_name_that_resolves_to_metadata_or_loopback_is_refused() -> None:
    for address in (METADATA, "127.0.0.1", "::1", "::ffff:127.0.0.1", "fe80::1%lo", "0.0.0.0"):  # noqa: S104 - refused, not bound
        async with client(resolver=Answers([address])) as up:
            with pytest.raises(EgressRefusedError, match="refuses the address"):
                await ask(up, "http://rebind.test:9/")


@pytest.mark.parametrize("second", [METADATA, "127.0.0.1", "::ffff:169.254.169.254"])
async def test_a_name_that_answers_differently_the_next_time_is_refused_then(second: str) -> None:
    resolver = GuardedResolver(Guard(None, lambda _: None), resolver=Answers([PUBLIC], [second]))
    assert addresses(await resolver.resolve("rebind.test", 443)) == [PUBLIC]
    with pytest.raises(EgressRefusedError):
        await resolver.resolve("rebind.test", 443)


async def test_rebinding_between_two_calls_reaches_nobody() -> None:
    """The first call is allowed, by name, to reach a server on loopback; the second resolves anew, as for each port."""
    dns = Answers(["127.0.0.1"], [METADATA])
    async with scripted([json_answer({})]) as server, client(EgressPolicy(allow=("rebind.test",)), dns) as up:
        port = server.url.rpartition(":")[2]
        assert await ask(up, f"http://rebind.test:{port}/") == b"{}"
        with pytest.raises(EgressRefusedError):
            await ask(up, "http://rebind.test:1/")
    assert dns.asked == ["rebind.test", "rebind.test"]
    assert len(server.requests) == 1


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    """One question for one connection: between check and connect nobody asks again."""
    dns = Answers(["127.0.0.1"], [METADATA])
    async with scripted([json_answer({})]) as server, client(EgressPolicy(allow=("rebind.test",)), dns) as up:
        assert await ask(up, server.url.replace("127.0.0.1", "rebind.test")) == b"{}"
    assert dns.asked == ["rebind.test"]


async def test_of_several_addresses_the_allowed_ones_are_used() -> None:
    resolver = GuardedResolver(Guard(None, lambda _: None), resolver=Answers(["fe80::1%eth0", "10.0.0.5", METADATA]))
    assert addresses(await resolver.resolve("mixed.test", 443)) == ["10.0.0.5"]


async def test_loopback_by_name_is_allowed_without_a_list_and_must_be_on_it_with_one() -> None:
    async with scripted([json_answer({})]) as server:
        by_name = server.url.replace("127.0.0.1", "localhost")
        async with client() as up:
            assert await ask(up, server.url) == b"{}"
            assert await ask(up, by_name) == b"{}"
        async with client(EgressPolicy(allow=("localhost",))) as up:
            assert await ask(up, by_name) == b"{}"
            with pytest.raises(EgressRefusedError, match="refuses the host"):
                await ask(up, server.url)
        async with client(EgressPolicy(allow=("api.example.com",))) as up:
            with pytest.raises(EgressRefusedError):
                await ask(up, by_name)
        assert server.connections == 3


async def test_a_wildcard_allows_a_name_but_not_its_loopback_address() -> None:
    async with scripted([json_answer({})]) as server:
        url = server.url.replace("127.0.0.1", "a.inside.test")
        async with client(EgressPolicy(allow=("*.inside.test",)), Answers(["127.0.0.1"])) as up:
            with pytest.raises(EgressRefusedError, match="refuses the address"):
                await ask(up, url)
        async with client(EgressPolicy(allow=("*.inside.test", "a.inside.test")), Answers(["127.0.0.1"])) as up:
            assert await ask(up, url) == b"{}"
    assert len(server.requests) == 1


async def test_a_proxy_of_the_environment_is_checked_as_well() -> None:
    for proxy, dns, what in (
        (f"http://{METADATA}:3128", Answers([PUBLIC]), "proxy"),
        ("http://proxy.test:3128", Answers([METADATA]), "address"),
        ("http://proxy.test:3128", Answers(["127.0.0.1"]), "address"),
    ):
        async with client(resolver=dns, environ={"http_proxy": proxy}) as up:
            with pytest.raises(EgressRefusedError, match=f"refuses the {what}"):
                await ask(up, "http://api.example.com/")
    async with client(EgressPolicy(allow=("api.example.com",)), environ={"http_proxy": "http://10.0.0.1:3128"}) as up:
        with pytest.raises(EgressRefusedError, match="refuses the proxy"):
            await ask(up, "http://api.example.com/")


async def test_behind_a_proxy_the_host_is_still_held_against_the_list() -> None:
    async with scripted([json_answer({})]) as proxy:
        policy = EgressPolicy(allow=("api.example.com", "127.0.0.1"))
        async with client(policy, environ={"http_proxy": proxy.url}) as up:
            assert await ask(up, "http://api.example.com/") == b"{}"
            with pytest.raises(EgressRefusedError, match="refuses the host"):
                await ask(up, "http://other.example.com/")


class Blind(Guard):
    """A guard whose check of names is gone, as if some other way led around it."""

    def pick(self, host: str, addresses: list[ResolveResult]) -> list[ResolveResult]:
        del host
        return addresses


async def test_no_socket_is_made_to_an_address_that_is_never_called() -> None:
    async with client(resolver=Answers([METADATA]), guard=Blind()) as up:
        with pytest.raises(EgressRefusedError, match="refuses the address"):
            await ask(up, "http://rebind.test:9/")
    with pytest.raises(RefusedSocketError):
        Guard().open_socket((socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 80, 0, 2)))


async def test_the_operator_is_told_once_and_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    upstream = AiohttpUpstream(tls_context(None), Proxies({}), resolver=Answers([METADATA]))
    for _ in range(3):
        with pytest.raises(EgressRefusedError) as caught:
            await ask(upstream, "http://rebind.test:9/")
        assert METADATA not in str(caught.value)
    await upstream.close()
    told = "xmc: the egress policy refuses rebind.test: it resolves to 169.254.169.254, which is never called\n"
    assert capsys.readouterr().err == told
