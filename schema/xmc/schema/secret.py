"""Secret references as users write them, slots as the table holds them, values as memory holds them."""

import re
from typing import Self

import msgspec

REFERENCE = re.compile(r"\{\{\s*secrets/(?P<scope>[A-Za-z0-9_.@-]{1,128})/(?P<key>[A-Za-z0-9_.@-]{1,128})\s*\}\}")
"""A whole scalar of this form is a secret reference. Alphabets: Databricks secret scopes and keys."""

PLAINTEXT_STORE = "plaintext"
"""Store name of values that the user typed into the spec; they live in `<stem>.xmc.secrets`, never in the table."""


class SecretRef(msgspec.Struct, frozen=True, order=True):
    """`{{secrets/scope/key}}`, unresolved. Carries no value and may be printed."""

    scope: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the reference that `text` wholly is, or None."""
        match = REFERENCE.fullmatch(text.strip())
        return cls(match["scope"], match["key"]) if match else None

    @property
    def name(self) -> str:
        """The slot name in a table: `scope/key`."""
        return f"{self.scope}/{self.key}"

    def __str__(self) -> str:
        return f"{{{{secrets/{self.scope}/{self.key}}}}}"


class SecretSlot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one secret of a table is read from. Never holds a value.

    `ref` is what the user wrote (`{{secrets/scope/key}}`, or for a typed-in value its place in the spec), `store`
    names an entry of `Table.stores` (or `plaintext`), `path` and `field` are in that store's own terms.
    """

    ref: str
    store: str
    path: str
    field: str


class Secret:
    """A resolved value. Its repr, str and format never show it; only `reveal()` does.

    Equality compares values in memory, so that a rotation can be noticed without printing either.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the one place that puts it on the wire."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> tuple[type, tuple[str, ...]]:
        raise TypeError("a Secret is never pickled")
