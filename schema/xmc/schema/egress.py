"""Where a gateway may go and how it gets there: the egress records of a table, and the one rule that reads them.

Compiler and runtime ask the same functions: the compiler of hosts as they are written, the runtime of hosts when a URL
is first used and of addresses when a connection is made.
"""

from enum import StrEnum
from ipaddress import ip_address

import msgspec

from xmc.schema.address import NEVER_CALLED, AddressKind, host_key, kind_of, kind_of_host


class ClientCertificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Paths of PEM files as the spec has them; relative ones count from the table's folder. No key is in a table."""

    certificate: str
    key: str


class Egress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the upstream of one served entity is reached, where that is not simply by its URL.

    `proxy` is `http(s)://host:port`. `ca_bundle` is the path of a PEM file. `address` is an IP address, `host` a name,
    that is connected to in place of the URL's host, which stays the name in TLS and HTTP. At most one of `proxy`,
    `address` and `host` is set.
    """

    proxy: str | None = None
    ca_bundle: str | None = None
    client_certificate: ClientCertificate | None = None
    address: str | None = None
    host: str | None = None


class EgressPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hosts that may be called: each as `host_key` writes it, or `*.suffix` for every name below a suffix."""

    allow: tuple[str, ...]


class Refused(StrEnum):
    """Why a host or an address may not be called."""

    NEVER = "never"
    NOT_LISTED = "not listed"
    LOOPBACK = "loopback"


def refuses_host(policy: EgressPolicy | None, host: str) -> Refused | None:
    """Tell why a host that is written somewhere may not be called; None if it may.

    Without a policy, loopback counts as allowed by being written.

    >>> refuses_host(None, "localhost"), refuses_host(None, "169.254.1.1")
    (None, <Refused.NEVER: 'never'>)
    """
    if kind_of_host(host) in NEVER_CALLED:
        return Refused.NEVER
    return None if policy is None or _lists(policy, host_key(host)) else Refused.NOT_LISTED


def refuses_pin(policy: EgressPolicy | None, address: str) -> Refused | None:
    """Tell why an address that stands in for a host may not be connected to; None if it may.

    Where it stands is the operator's to say, so the policy need not list it, unless it is loopback.

    >>> refuses_pin(EgressPolicy(allow=("api.example.com",)), "10.0.0.9") is None
    True
    """
    kind = kind_of_host(address)
    if kind in NEVER_CALLED:
        return Refused.NEVER
    listed = policy is None or host_key(address) in policy.allow
    return None if listed or kind is not AddressKind.LOOPBACK else Refused.NOT_LISTED


def refuses_address(policy: EgressPolicy | None, host: str, address: str) -> Refused | None:
    """Tell why an address that a host resolved to may not be connected to; None if it may.

    A name that is not loopback itself may lead to loopback only if the policy lists that very name: a wildcard covers
    names that others give out.

    >>> refuses_address(None, "api.example.com", "127.0.0.1")
    <Refused.LOOPBACK: 'loopback'>
    """
    kind = kind_of(ip_address(address.partition("%")[0]))
    if kind in NEVER_CALLED:
        return Refused.NEVER
    if kind is not AddressKind.LOOPBACK or kind_of_host(host) is AddressKind.LOOPBACK:
        return None
    return None if policy is not None and host_key(host) in policy.allow else Refused.LOOPBACK


def _lists(policy: EgressPolicy, key: str) -> bool:
    if key in policy.allow:
        return True
    labels = key.split(".")
    return any(f"*.{'.'.join(labels[start:])}" in policy.allow for start in range(1, len(labels)))
