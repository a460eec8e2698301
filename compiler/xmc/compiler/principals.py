"""The `principals:` of a spec: who may call what."""

from xmc.compiler.lint import lint_unique
from xmc.compiler.node import Mapping, Path, follow, items, plain, string
from xmc.compiler.report import Report
from xmc.compiler.spec import SpecView, mapping_at
from xmc.compiler.suggest import did_you_mean
from xmc.schema import Principal, TokenHash, parse_token_hash

ALL_ENDPOINTS = "*"


def read_principals(report: Report, spec: SpecView) -> tuple[Principal, ...]:
    """Check the principals and return those without errors, in the order of the spec."""
    listed = items(mapping_at(report.root, "principals"))
    paths: list[Path] = [("principals", place) for place, node in enumerate(listed) if isinstance(node, Mapping)]
    lint_unique(
        report,
        "XMC315",
        "principal",
        [((*path, "name"), string(follow(report.root, (*path, "name")))) for path in paths],
    )
    hashes = [(found, parsed) for path in paths for found, parsed in _hashes(report, path) if parsed is not None]
    lint_unique(report, "XMC315", "token", [(path, one.id) for path, one in hashes])
    for path in paths:
        _check_endpoints(report, spec, path)
    return tuple(_principal(report, path) for path in paths if not report.is_wrong_within(path))


def _hashes(report: Report, path: Path) -> list[tuple[Path, TokenHash | None]]:
    node = follow(report.root, path)
    listed = items(node.get("token_hashes")) if isinstance(node, Mapping) else ()
    texts = [(place, string(item)) for place, item in enumerate(listed)]
    return [((*path, "token_hashes", place), parse_token_hash(text) if text else None) for place, text in texts]


def _check_endpoints(report: Report, spec: SpecView, path: Path) -> None:
    node = follow(report.root, path)
    listed = items(node.get("endpoints")) if isinstance(node, Mapping) else ()
    names = [endpoint.name for endpoint in spec.endpoints if endpoint.name is not None]

    def wrong(where: Path) -> bool:
        return report.is_wrong(where) or report.is_wrong(("endpoints",)) or len(names) < len(spec.endpoints)

    for place, item in enumerate(listed):
        name = string(item)
        where = (*path, "endpoints", place)
        if name is not None and name != ALL_ENDPOINTS and name not in names and not wrong(where):
            message = f"there is no endpoint {name!r}"
            report.add("XMC314", where, message, hint=did_you_mean(name, names))


def _principal(report: Report, path: Path) -> Principal:
    value = plain(follow(report.root, path))
    tokens = tuple(parsed for _, parsed in _hashes(report, path) if parsed is not None)
    endpoints = tuple(value.get("endpoints", (ALL_ENDPOINTS,)))
    return Principal(name=value["name"], tokens=tokens, endpoints=endpoints, metrics=bool(value.get("metrics", False)))
