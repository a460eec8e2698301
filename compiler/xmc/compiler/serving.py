"""The `serving:` settings of an endpoint, over those of `defaults:`, in the table's own units."""

from typing import Any

from xmc.compiler.node import Path, follow, mapping, plain
from xmc.compiler.report import Report
from xmc.schema import Serving, Timeouts

_TIMEOUTS = ("connect", "first_byte", "idle", "total")


def read_serving(report: Report, endpoint: Path) -> Serving:
    """Return the settings of an endpoint; a wrong block counts as left out. Seconds become whole milliseconds."""
    default: Any = _at(report, ("defaults", "serving"))
    own: Any = _at(report, (*endpoint, "serving"))
    merged = {**default, **own}
    seconds = {**default.get("timeouts", {}), **own.get("timeouts", {})}
    timeouts = Timeouts(
        **{f"{key}_ms": _milliseconds(seconds[f"{key}_s"]) for key in _TIMEOUTS if f"{key}_s" in seconds}
    )
    rest = {key: merged[key] for key in ("max_body_bytes", "salt", "sticky") if key in merged}
    if "hold_s" in merged:
        rest["hold_ms"] = _milliseconds(merged["hold_s"])
    return Serving(timeouts=timeouts, **rest)


def _at(report: Report, path: Path) -> dict[str, Any]:
    if report.is_wrong_within(path):
        return {}
    parent = mapping(follow(report.root, path[:-1]))
    node = parent.get(str(path[-1])) if parent else None
    value = plain(node) if node else None
    return value if isinstance(value, dict) else {}


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
