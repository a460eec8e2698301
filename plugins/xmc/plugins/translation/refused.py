"""How a translation says what it cannot do, and what it left out."""

from collections.abc import Mapping
from typing import Any

from xmc.schema import Refusal


class RefusedError(Exception):
    """A request that the provider cannot express; caught where the translation began."""

    def __init__(self, message: str, param: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.refusal = Refusal(message, param=param, code=code)


class Dropped:
    """The parameters without effect, each once, in the order in which they were met."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def note(self, name: str) -> None:
        """Add one."""
        self._names[name] = None

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._names)


def unsupported(param: str, what: str | None = None) -> RefusedError:
    """Return the refusal of something that would change the answer's meaning."""
    return RefusedError(what or f"this model's provider has no `{param}`", param, "unsupported_parameter")


def mapping_at(value: Any, param: str) -> Mapping[str, Any]:
    """Return the value, which must be an object. Raises `RefusedError`."""
    if not isinstance(value, Mapping):
        raise RefusedError(f"`{param}` is not an object", param)
    return value


def list_at(value: Any, param: str) -> list[Any]:
    """Return the value, which must be a list. Raises `RefusedError`."""
    if not isinstance(value, list):
        raise RefusedError(f"`{param}` is not a list", param)
    return value


def text_at(value: Any, param: str) -> str:
    """Return the value, which must be text. Raises `RefusedError`."""
    if not isinstance(value, str):
        raise RefusedError(f"`{param}` is not text", param)
    return value
