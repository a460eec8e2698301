"""Hosts as a spec writes them: the allow-list itself, and whether one that is called may be."""

import re
from urllib.parse import urlsplit

from xmc.compiler.node import Path, follow, items, mapping, string
from xmc.compiler.report import Report
from xmc.compiler.spec import mapping_at
from xmc.compiler.suggest import nearest
from xmc.schema import (
    NEVER_CALLED,
    AddressKind,
    EgressPolicy,
    Label,
    Refused,
    host_key,
    is_odd_spelling,
    kind_of_host,
    read_address,
    refuses_host,
    refuses_pin,
)

_ALLOW: Path = ("egress", "allow")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")
_WILDCARD = "*."


def read_policy(report: Report) -> EgressPolicy | None:
    """Read and check `egress.allow`; None where it is left out. Entries that cannot be used are left out of it."""
    node = mapping(mapping_at(report.root, "egress"))
    listed = node.get("allow") if node is not None else None
    if listed is None:
        return None
    allowed: set[str] = set()
    for place, item in enumerate(items(listed)):
        path = (*_ALLOW, place)
        text = string(item)
        if text is None or report.is_wrong(path):
            continue
        why = _unusable_entry(text)
        if why is not None:
            meant = _meant(text)
            hint = "write a host (api.example.com), an address (10.0.0.5), or *.example.com for all names below"
            report.add("XMC340", path, f"{text!r} cannot be listed: {why}", hint=f"write {meant}" if meant else hint)
            allowed.update((meant,) if meant else ())  # so that what is called there is not reported as well
        elif not _is_never(report, path, text):
            allowed.add(_entry_key(text))
    return EgressPolicy(allow=tuple(sorted(allowed)))


def check_written(  # noqa: PLR0913 - as above, and what is known of the host
    report: Report, policy: EgressPolicy | None, path: Path, host: str, *, about: str = "", is_pin: bool = False
) -> bool:
    """Tell whether a host may be called, and report at the place where it is written if it may not.

    `about` tells who calls it where that cannot be seen there. A pin is an address that stands in for a host.
    """
    if _is_never(report, path, host):
        return False
    if is_odd_spelling(host):
        hint = f"write {host_key(host)}, if that is meant"
        report.add("XMC343", path, f"{host!r} is an address in a spelling that programs read differently", hint=hint)
        return False
    why = refuses_pin(policy, host) if is_pin else refuses_host(policy, host)
    if policy is None or why is not Refused.NOT_LISTED:
        return True
    key = host_key(host)
    label = Label(follow(report.root, _ALLOW).span, "the hosts that may be called")
    near = nearest(key, policy.allow)
    hint = f"add {key} to `egress.allow`" + (f"; it lists {near!r}, which is near" if near else "")
    message = f"{key!r}{about} is not among the hosts that may be called"
    report.add("XMC341", path, message, hint=hint, labels=(label,))
    return False


def _is_never(report: Report, path: Path, host: str) -> bool:
    """Report a host that is never called, whatever is allowed."""
    kind = kind_of_host(host)
    if kind not in NEVER_CALLED:
        return False
    address = read_address(host)
    what = f"{'an' if kind is AddressKind.UNSPECIFIED else 'a'} {kind} address"
    spelt = f"{host!r} is {address}, {what}" if is_odd_spelling(host) else f"{host!r} is {what}"
    hint = "a gateway that can be made to call it gives away what only this machine may ask for"
    report.add("XMC342", path, f"{spelt}, which is never called", hint=hint)
    return True


def unusable_host(text: str) -> str | None:
    """Say why a text is no host name; None for a name, and for an address."""
    if read_address(text) is not None:
        return None
    if "://" in text:
        return "it is a URL"
    if "/" in text:
        return "it is neither a name nor one address"
    if ":" in text:
        return "it names a port"
    if "*" in text:
        return "a wildcard is the whole first label of an entry of `egress.allow`"
    return None if _NAME.fullmatch(host_key(text)) else "it is no host name"


def _meant(text: str) -> str | None:
    """Return the host of an entry that holds more than one.

    >>> _meant("https://api.example.com/v1"), _meant("a.example:443"), _meant("10.0.0.0/8")
    ('api.example.com', 'a.example', None)
    """
    if "://" not in text and "/" in text:
        return None
    try:
        host = urlsplit(text if "://" in text else f"//{text}").hostname
    except ValueError:
        return None
    if not host or unusable_host(host) is not None or kind_of_host(host) in NEVER_CALLED:
        return None
    return host_key(host)


def _entry_key(text: str) -> str:
    return _WILDCARD + host_key(text.removeprefix(_WILDCARD)) if text.startswith(_WILDCARD) else host_key(text)


def _unusable_entry(text: str) -> str | None:
    """Say what is wrong with an entry of the allow-list, which is a host with all of its ports."""
    host = text.removeprefix(_WILDCARD)
    if read_address(host) is not None:
        if host != text:
            return "a wildcard stands before a name, not before an address"
        return "it is an address in an odd spelling" if is_odd_spelling(text) else None
    return unusable_host(host)
