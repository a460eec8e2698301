"""The egress of a spec: which hosts may be called, and how the upstream of each entity is reached.

A host is wrong where the user wrote it: at the value that holds it, or at the provider whose default it is.
"""

from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from xmc.compiler.egress_host import check_written, read_policy, unusable_host
from xmc.compiler.link import Linked
from xmc.compiler.node import Path, Scalar, follow, mapping, plain, walk
from xmc.compiler.report import Report
from xmc.compiler.spec import EntityView, SpecView, mapping_at
from xmc.plugins import Plugins, called_by
from xmc.schema import AddressKind, Egress, EgressPolicy, Target, host_key, kind_of_host, read_address

_DEFAULT: Path = ("defaults", "egress")
_INSTEAD = ("proxy", "address", "host")
"""Keys of which one at most says where to connect to."""


def apply_egress(report: Report, spec: SpecView, plugins: Plugins, linked: Linked) -> EgressPolicy | None:
    """Check every host that a spec calls, put each entity's egress into its place, and return the policy."""
    policy = read_policy(report)
    default = _read_default(report, policy)
    of_entity: dict[tuple[str | None, str | None], Egress] = {}
    fine: set[str] = set()
    for endpoint in spec.endpoints:
        for entity in endpoint.entities:
            target = linked.targets.get(entity.path)
            if target is not None:
                urls = _urls(plugins, target)
                _check_calls(report, policy, entity, (urls, target.auth.scheme), fine)
                egress = _egress_of(report, policy, entity, urls, default)
                if egress is not None:
                    of_entity[endpoint.name, entity.label] = egress
    for place, made in enumerate(linked.endpoints if of_entity else ()):
        ways = [of_entity.get((made.name, one.name)) for one in made.entities]
        parts = tuple(msgspec.structs.replace(one, egress=way) for one, way in zip(made.entities, ways, strict=True))
        linked.endpoints[place] = msgspec.structs.replace(made, entities=parts)
    return policy


def _urls(plugins: Plugins, target: Target) -> tuple[SplitResult, ...]:
    """Return the URLs of a target: its own, then those that its authentication scheme calls."""
    return tuple(_split(url) for url in (target.url, *called_by(plugins.auth_schemes[target.auth.scheme], target.auth)))


def _check_calls(
    report: Report,
    policy: EgressPolicy | None,
    entity: EntityView,
    calls: tuple[tuple[SplitResult, ...], str],
    fine: set[str],
) -> None:
    """Check the hosts of a target's URLs, the later of which its scheme calls; `fine` holds those that passed."""
    urls, scheme = calls
    for place, url in enumerate(urls):
        host = url.hostname or ""
        if host in fine:
            continue
        path, written = _where(report, entity, host)
        about = f", which the authentication scheme {scheme!r} calls," if place else ""
        if check_written(report, policy, path, written or host, about=about):
            fine.add(host)


def _where(report: Report, entity: EntityView, host: str) -> tuple[Path, str | None]:
    """Return where a host is written in an external model, and how; or the provider, whose default it is."""
    for path, node in walk(follow(report.root, entity.external), entity.external):
        if isinstance(node, Scalar) and isinstance(node.value, str) and "/" in node.value:
            written = _split(node.value).hostname
            if written is not None and _same(written, host):
                return path, written
    return (*entity.external, "provider"), None


def _same(written: str, host: str) -> bool:
    if written == host:
        return True
    try:  # URLs of targets are in ASCII
        return written.encode("idna").decode("ascii") == host
    except UnicodeError:
        return False


def _read_default(report: Report, policy: EgressPolicy | None) -> Egress | None:
    defaults = mapping(mapping_at(report.root, "defaults"))
    node = defaults.get("egress") if defaults is not None else None
    if node is None or report.is_wrong_within(_DEFAULT):
        return None
    settings = plain(node)
    _check_proxy(report, policy, _DEFAULT, settings)
    return None if report.is_wrong_within(_DEFAULT) else _record(settings)


def _egress_of(
    report: Report,
    policy: EgressPolicy | None,
    entity: EntityView,
    urls: tuple[SplitResult, ...],
    default: Egress | None,
) -> Egress | None:
    """Return how an entity's upstream is reached. What it has itself takes the place of all of the default."""
    path = (*entity.path, "egress")
    if entity.node.get("egress") is None:
        return _fitting(default, urls[0])
    settings = plain(follow(report.root, path))
    _check_proxy(report, policy, path, settings)
    _check_instead(report, policy, path, settings, urls[0])
    _check_tls(report, path, settings, urls)
    return None if report.is_wrong_within(path) else _record(settings)


def _fitting(default: Egress | None, url: SplitResult) -> Egress | None:
    """Return of the default what fits a target: no proxy towards this machine itself, no TLS settings without TLS."""
    if default is None:
        return None
    changes: dict[str, Any] = {}
    if kind_of_host(url.hostname or "") is AddressKind.LOOPBACK:
        changes["proxy"] = None
    if url.scheme != "https":
        changes["client_certificate"] = None
    fitting = msgspec.structs.replace(default, **changes)
    return fitting if fitting != Egress() else None


def _record(settings: dict[str, Any]) -> Egress | None:
    """Turn the settings of a spec without errors into their record; hosts and proxies in their usual spelling."""
    given = dict(settings)
    for key in ("address", "host"):
        if key in given:
            given[key] = host_key(given[key])
    if "proxy" in given:
        given["proxy"] = given["proxy"].lower().rstrip("/")
    egress = msgspec.convert(given, Egress)
    return egress if egress != Egress() else None


def _check_proxy(report: Report, policy: EgressPolicy | None, path: Path, settings: dict[str, Any]) -> None:
    place = (*path, "proxy")
    if "proxy" not in settings or report.is_wrong_within(place):
        return
    why = _unusable_proxy(settings["proxy"])
    if why is not None:
        report.add("XMC345", place, f"this proxy cannot be used: {why}", hint="write http://HOST:PORT")
        return
    check_written(report, policy, place, _split(settings["proxy"]).hostname or "")


def _unusable_proxy(text: str) -> str | None:
    """Say what is wrong with a proxy's URL, without repeating it: it may hold a password."""
    url = _split(text)
    try:
        port = url.port
    except ValueError:
        port = None
    if url.username is not None or url.password is not None:
        return "it holds a user name or password, which the table would show"
    if url.scheme not in {"http", "https"} or not url.hostname or any(one <= " " for one in text):
        return "it is no http or https URL"
    if port is None:
        return "it names no port, or none that there is"
    return "it has a path or a query" if url.path not in {"", "/"} or url.query or url.fragment else None


def _check_instead(
    report: Report, policy: EgressPolicy | None, path: Path, settings: dict[str, Any], url: SplitResult
) -> None:
    """Check the keys that say where to connect to in place of the URL's host."""
    given = [key for key in _INSTEAD if key in settings]
    if len(given) > 1:
        message = f"{' and '.join(f'`{key}`' for key in given)} each say where to connect to"
        report.add("XMC344", (*path, given[1]), message, hint="keep one of them", at="key")
        return
    key = given[0] if given else "proxy"
    place = (*path, key)
    if key == "proxy" or report.is_wrong_within(place):
        return
    host = url.hostname or ""
    if read_address(host) is not None:
        message = f"`{key}` stands in for the name in the URL, which is an address already: {host}"
        report.add("XMC344", place, message, hint="put the name that the upstream's certificate has into the URL")
    elif (read_address(settings[key]) is None) == (key == "address"):
        what, hint = ("no", "host") if key == "address" else ("an", "address")
        report.add("XMC340", place, f"{settings[key]!r} is {what} IP address", hint=f"it goes into `{hint}`")
    elif (why := unusable_host(settings[key])) is not None:
        report.add("XMC340", place, f"{settings[key]!r} is no host: {why}", hint="write the name alone")
    else:
        check_written(report, policy, place, settings[key], is_pin=key == "address")


def _check_tls(report: Report, path: Path, settings: dict[str, Any], urls: tuple[SplitResult, ...]) -> None:
    """Report settings of TLS where nothing is called by it. Authorities count for token endpoints and proxies too."""
    schemes = {"client_certificate": {urls[0].scheme}}
    schemes["ca_bundle"] = {url.scheme for url in (*urls, _split(str(settings.get("proxy", ""))))}
    for key, used in schemes.items():
        if key in settings and "https" not in used:
            message = f"`{key}` would never be used: {urls[0].hostname} is called by http, without TLS"
            report.add("XMC346", (*path, key), message, hint="use https, or leave it out", at="key")


def _split(url: str) -> SplitResult:
    """Take a URL apart; what is none has no host."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
