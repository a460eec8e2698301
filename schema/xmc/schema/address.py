"""What an Internet address is for: reachable like any other, this machine itself, or one that is never called.

`ipaddress` changed its mind between versions of Python about what is private or global, and a table must be the same
everywhere; so the few networks that matter are written down here. An IPv6 address that carries an IPv4 address (mapped,
NAT64, 6to4, Teredo, ISATAP) is what either of them is.

Sources: RFC 6890, 3927, 4291, 4380, 5214, 6052, 8215; the metadata services of AWS (IMDS, ECS, EKS), Google Cloud,
Azure (IMDS, WireServer), Alibaba Cloud, Oracle Cloud, as their documentation gives them.
"""

import re
import unicodedata
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote

Address = IPv4Address | IPv6Address


class AddressKind(StrEnum):
    """What an address is for. `ORDINARY` includes private networks: private endpoints are normal."""

    ORDINARY = "ordinary"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    METADATA = "cloud metadata"
    UNSPECIFIED = "unspecified"
    MULTICAST = "multicast"


NEVER_CALLED = frozenset({AddressKind.LINK_LOCAL, AddressKind.METADATA, AddressKind.UNSPECIFIED, AddressKind.MULTICAST})
"""Kinds that are never called, whatever a spec says."""

_METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Google Cloud, Azure, Oracle Cloud, DigitalOcean, OpenStack
        "169.254.170.2",  # AWS: containers of ECS
        "169.254.170.23",  # AWS: pods of EKS
        "168.63.129.16",  # Azure: WireServer
        "100.100.100.200",  # Alibaba Cloud
        "192.0.0.192",  # Oracle Cloud, classic
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS: pods of EKS
        "fd20:ce::254",  # Google Cloud
    )
)
_METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "metadata.azure.internal",
        "metadata.tencentyun.com",
        "instance-data",
        "instance-data.ec2.internal",
    }
)
_V4 = (
    (IPv4Network("0.0.0.0/8"), AddressKind.UNSPECIFIED),
    (IPv4Network("127.0.0.0/8"), AddressKind.LOOPBACK),
    (IPv4Network("169.254.0.0/16"), AddressKind.LINK_LOCAL),
    (IPv4Network("224.0.0.0/4"), AddressKind.MULTICAST),
    (IPv4Network("255.255.255.255/32"), AddressKind.MULTICAST),
)
_V6 = (
    (IPv6Network("::/128"), AddressKind.UNSPECIFIED),
    (IPv6Network("::1/128"), AddressKind.LOOPBACK),
    (IPv6Network("fe80::/10"), AddressKind.LINK_LOCAL),
    (IPv6Network("ff00::/8"), AddressKind.MULTICAST),
)
_LOW_32 = 0xFFFF_FFFF
_CARRY_AT_END = tuple(IPv6Network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"))
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})

_LEGACY_PART = re.compile(r"0x[0-9a-f]*|[0-9]+")
_LEGACY_PARTS = 4


def kind_of(address: Address) -> AddressKind:
    """Tell what an address is for.

    >>> [str(kind_of(ip_address(text))) for text in ("10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe")]
    ['ordinary', 'loopback', 'cloud metadata']
    """
    if isinstance(address, IPv4Address):
        own = next((kind for network, kind in _V4 if address in network), AddressKind.ORDINARY)
        return AddressKind.METADATA if address in _METADATA else own
    plain = IPv6Address(int(address))  # without its zone
    if plain in _METADATA:
        return AddressKind.METADATA
    own = next((kind for network, kind in _V6 if plain in network), AddressKind.ORDINARY)
    if own is not AddressKind.ORDINARY:
        return own
    carried = [kind_of(one) for one in _carried(int(plain), plain)]
    return next((kind for kind in carried if kind is not AddressKind.ORDINARY), AddressKind.ORDINARY)


def kind_of_host(host: str) -> AddressKind | None:
    """Tell what a host is for, if that can be seen without asking DNS: an address in any spelling, or a known name.

    >>> kind_of_host("0xA9FEA9FE"), kind_of_host("LOCALHOST."), kind_of_host("api.example.com")
    (<AddressKind.METADATA: 'cloud metadata'>, <AddressKind.LOOPBACK: 'loopback'>, None)
    """
    address = read_address(host)
    if address is not None:
        return kind_of(address)
    name = _plain(host)
    if name == "localhost" or name.endswith(".localhost"):
        return AddressKind.LOOPBACK
    return AddressKind.METADATA if name in _METADATA_NAMES else None


def read_address(host: str) -> Address | None:
    """Return the address that a host is, in whatever spelling some resolver takes; None for a name.

    Read are also the old forms of IPv4 (one number, hexadecimal, octal, fewer than four parts), full-width digits,
    percent escapes, brackets, a zone and a dot at the end. A mapped IPv6 address is returned as the IPv4 address.

    >>> str(read_address("0177.1")), str(read_address("[::FFFF:10.0.0.1]")), read_address("08.example")
    ('127.0.0.1', '10.0.0.1', None)
    """
    text = _plain(host).removeprefix("[").removesuffix("]")
    if ":" in text:
        text = text.partition("%")[0]
    try:
        address: Address | None = ip_address(text)
    except ValueError:
        return _legacy(text)
    return getattr(address, "ipv4_mapped", None) or address


def host_key(host: str) -> str:
    """Return the spelling under which a host is compared: an address as `ipaddress` writes it, a name in ASCII.

    >>> host_key("API.Example.COM."), host_key("127.1"), host_key("b\u00fccher.example")
    ('api.example.com', '127.0.0.1', 'xn--bcher-kva.example')
    """
    address = read_address(host)
    if address is not None:
        return str(address)
    name = _plain(host)
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def is_odd_spelling(host: str) -> bool:
    """Tell whether a host is an address that no two programs read alike, such as `0177.1`.

    >>> is_odd_spelling("0177.1"), is_odd_spelling("127.0.0.1"), is_odd_spelling("[::1]"), is_odd_spelling("a.example")
    (True, False, False, False)
    """
    if read_address(host) is None:
        return False
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return True
    return False


def _plain(host: str) -> str:
    text = unicodedata.normalize("NFKC", unquote(host)).replace("\u3002", ".")
    return text.strip().lower().rstrip(".")


def _legacy(text: str) -> IPv4Address | None:
    """Read IPv4 as `inet_aton` does: up to four numbers, the last of which fills what is left."""
    parts = text.split(".")
    if len(parts) > _LEGACY_PARTS or not all(part.isascii() and _LEGACY_PART.fullmatch(part) for part in parts):
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    *first, last = numbers
    if any(number > 0xFF for number in first) or last >= 256 ** (_LEGACY_PARTS - len(first)):  # noqa: PLR2004 - a byte
        return None
    return IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(first)) + last)


def _number(part: str) -> int:
    """Read one part: hexadecimal after 0x, octal after 0. Raises `ValueError`."""
    if len(part) > 64:  # noqa: PLR2004 - far beyond 32 bits, however many zeros lead
        raise ValueError("too long")
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if part.startswith("0") else 10)


def _carried(number: int, address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address stands for."""
    last = IPv4Address(number & _LOW_32)
    if any(address in network for network in _CARRY_AT_END):
        return (last,)
    if address in _LOCAL_NAT64:  # as a /96 of it, or as the /48 itself
        return (last, IPv4Address((number >> 64 & 0xFFFF) << 16 | number >> 40 & 0xFFFF))
    if address in _SIX_TO_FOUR:
        return (IPv4Address(number >> 80 & _LOW_32),)
    if address in _TEREDO:
        return (IPv4Address(number >> 64 & _LOW_32), IPv4Address(number & _LOW_32 ^ _LOW_32))
    return (last,) if number >> 32 & _LOW_32 in _ISATAP else ()
