"""What an address is for, held against `ipaddress` and against the C library, in every spelling there is."""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from xmc.schema import (
    NEVER_CALLED,
    AddressKind,
    EgressPolicy,
    Refused,
    host_key,
    kind_of,
    kind_of_host,
    read_address,
    refuses_address,
    refuses_host,
)

METADATA_V4 = [
    IPv4Address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
    )
]
EDGES = [
    "127.0.0.1",
    "127.255.255.255",
    "128.0.0.0",
    "169.254.0.0",
    "169.254.255.255",
    "169.255.0.0",
    "223.255.255.255",
]
EDGES += ["224.0.0.0", "239.255.255.255", "255.255.255.255", "0.0.0.0", "0.255.255.255", "1.0.0.0", "10.0.0.1"]  # noqa: S104 - an address to look at, not to bind
V4 = st.one_of(
    st.ip_addresses(v=4).map(lambda one: IPv4Address(int(one))),
    st.sampled_from(METADATA_V4 + [IPv4Address(text) for text in EDGES]),
    st.integers(0, 0xFFFF).map(lambda low: IPv4Address(0xA9FE0000 | low)),
    st.integers(0, 0xFFFFFF).map(lambda low: IPv4Address(0x7F000000 | low)),
)
V6 = st.ip_addresses(v=6).map(lambda one: IPv6Address(int(one)))

CARRIERS: dict[str, Callable[[int], int]] = {
    "mapped": lambda v4: 0xFFFF << 32 | v4,
    "translated": lambda v4: 0xFFFF << 48 | v4,
    "nat64": lambda v4: 0x64FF9B << 96 | v4,
    "local nat64": lambda v4: 0x64FF9B0001 << 80 | v4,
    "local nat64 in the prefix": lambda v4: 0x64FF9B0001 << 80 | (v4 >> 16) << 64 | (v4 & 0xFFFF) << 40,
    "6to4": lambda v4: 0x2002 << 112 | v4 << 80 | 1,
    "teredo client": lambda v4: 0x20010000 << 96 | 0x08080808 << 64 | v4 ^ 0xFFFFFFFF,
    "teredo server": lambda v4: 0x20010000 << 96 | v4 << 64 | 0x08080808 ^ 0xFFFFFFFF,
    "isatap": lambda v4: 0x20010DB8 << 96 | 0x5EFE << 32 | v4,
    "isatap, universal": lambda v4: 0x20010DB8 << 96 | 0x02005EFE << 32 | v4,
}


@given(V4)
def test_ipv4_is_what_ipaddress_says(address: IPv4Address) -> None:
    expected = AddressKind.ORDINARY
    if address in METADATA_V4:
        expected = AddressKind.METADATA
    elif address.is_loopback:
        expected = AddressKind.LOOPBACK
    elif address.is_link_local:
        expected = AddressKind.LINK_LOCAL
    elif address.is_multicast or address == IPv4Address("255.255.255.255"):
        expected = AddressKind.MULTICAST
    elif int(address) >> 24 == 0:
        expected = AddressKind.UNSPECIFIED
    assert kind_of(address) is expected


@given(st.one_of(V6, st.integers(0, 2**118 - 1).map(lambda low: IPv6Address(0xFE80 << 112 | low))))
@example(IPv6Address("::1"))
@example(IPv6Address("::"))
@example(IPv6Address("ff02::1"))
@example(IPv6Address("febf:ffff::"))
def test_ipv6_is_at_least_what_ipaddress_says(address: IPv6Address) -> None:
    kind = kind_of(address)
    if address.is_loopback:
        assert kind is AddressKind.LOOPBACK
    if address.is_link_local:
        assert kind is AddressKind.LINK_LOCAL
    if address.is_multicast:
        assert kind is AddressKind.MULTICAST
    if address.is_unspecified:
        assert kind is AddressKind.UNSPECIFIED


@given(st.sampled_from(sorted(CARRIERS)), V4)
def test_an_address_that_carries_another_is_what_that_is(carrier: str, address: IPv4Address) -> None:
    carried = IPv6Address(CARRIERS[carrier](int(address)))
    wanted = kind_of(address)
    assert kind_of(carried) is wanted or carrier.startswith("local nat64")
    if wanted in NEVER_CALLED:
        assert kind_of(carried) in NEVER_CALLED


@st.composite
def spellings(draw: st.DrawFn) -> tuple[IPv4Address, str]:
    """An address and one of the ways in which `inet_aton`, a browser or a careless program reads it."""
    address = draw(V4)
    number = int(address)
    count = draw(st.integers(1, 4))
    parts = [number >> 8 * (3 - place) & 0xFF for place in range(count - 1)]
    parts.append(number & (1 << 8 * (5 - count)) - 1)
    forms: list[Callable[[int], str]] = [
        str,
        lambda one: f"0{one:o}",
        lambda one: f"0x{one:x}",
        lambda one: f"0X{one:08X}",
    ]
    text = ".".join(draw(st.sampled_from(forms))(part) for part in parts)
    match draw(st.integers(0, 4)):
        case 1:
            text += "."
        case 2:
            text = "".join(chr(ord(one) + 0xFEE0) if one.isdigit() else one for one in text)  # full width
        case 3:
            text = "".join(f"%{ord(one):02x}" for one in text)
        case 4:
            text = text.replace(".", "\u3002")
    return address, text


@given(spellings())
def test_every_spelling_is_the_address(spelling: tuple[IPv4Address, str]) -> None:
    address, text = spelling
    assert read_address(text) == address
    assert host_key(text) == str(address)
    assert kind_of_host(text) is kind_of(address)


@given(st.text("0123456789abcdefx.", min_size=1, max_size=24))
@example("0x7f.1")
@example("017700000001")
@example("4294967296")
@example("1.2.3.4.5")
@example("08.1")
@example("1..2")
def test_nothing_that_the_c_library_reads_is_missed(text: str) -> None:
    try:
        packed = socket.inet_aton(text)
    except OSError:
        return
    assert read_address(text) == IPv4Address(packed)


@given(V6, st.booleans(), st.sampled_from(["", "%eth0", "%25eth0"]))
def test_ipv6_is_read_with_brackets_case_and_zone(address: IPv6Address, exploded: bool, zone: str) -> None:
    text = (address.exploded if exploded else str(address)).upper()
    assert read_address(f"[{text}{zone}]") == (address.ipv4_mapped or address)
    assert read_address(f"{text}{zone}") == (address.ipv4_mapped or address)


@given(st.from_regex(r"[a-z0-9-]{1,10}(\.[a-z0-9-]{1,10}){0,3}\.[g-wyz]{2,6}", fullmatch=True))
def test_a_name_is_no_address(name: str) -> None:
    assert read_address(name) is None
    assert host_key(name.upper() + ".") == name


@given(st.text(max_size=60))
def test_any_text_is_a_host_of_some_kind_or_none(text: str) -> None:
    """Total: whatever is written, there is an answer, and it does not depend on escapes being escaped."""
    kind_of_host(text)
    host_key(text)
    if "%" not in text:
        assert kind_of_host(quote(text)) is kind_of_host(text)


LABEL = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)
NAME = st.lists(LABEL, min_size=2, max_size=5).map(".".join)


@given(NAME, st.lists(NAME, max_size=4), st.lists(NAME, max_size=4))
def test_the_list_allows_names_and_names_below(name: str, names: list[str], suffixes: list[str]) -> None:
    assume(kind_of_host(name) is None)
    policy = EgressPolicy(allow=(*names, *(f"*.{suffix}" for suffix in suffixes)))
    allowed = name in names or any(name.endswith(f".{suffix}") for suffix in suffixes)
    assert (refuses_host(policy, name) is None) == allowed
    assert refuses_host(None, name) is None


@given(st.one_of(V4, V6), NAME)
def test_no_list_allows_what_is_never_called(address: IPv4Address | IPv6Address, name: str) -> None:
    policy = EgressPolicy(allow=(str(address), name))
    never = kind_of(address) in NEVER_CALLED
    for one in (policy, None):
        assert (refuses_host(one, str(address)) is Refused.NEVER) == never
        assert (refuses_address(one, name, str(address)) is Refused.NEVER) == never


@given(NAME, V4)
def test_a_name_leads_to_loopback_only_if_it_is_listed(name: str, address: IPv4Address) -> None:
    assume(kind_of_host(name) is None)
    below = EgressPolicy(allow=("*." + name.partition(".")[2],))
    loopback = kind_of(address) is AddressKind.LOOPBACK
    assert (refuses_address(None, name, str(address)) is Refused.LOOPBACK) == loopback
    assert (refuses_address(below, name, str(address)) is Refused.LOOPBACK) == loopback
    assert refuses_address(EgressPolicy(allow=(name,)), name, str(address)) is not Refused.LOOPBACK
    assert refuses_address(None, "localhost", str(address)) is not Refused.LOOPBACK


@pytest.mark.parametrize(
    "host",
    [
        "metadata.google.internal",
        "METADATA.google.internal.",
        "metadata",
        "fd00:ec2::254",
        "[FD00:EC2:0::254]",
        "fe80::1%eth0",
    ],
)
def test_what_clouds_answer_at_is_never_called(host: str) -> None:
    assert refuses_host(EgressPolicy(allow=(host_key(host),)), host) is Refused.NEVER


def test_the_loopback_addresses_of_the_standard_are_loopback() -> None:
    for text in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert kind_of(ip_address(text)) is AddressKind.LOOPBACK
    assert kind_of_host("a.localhost") is AddressKind.LOOPBACK
