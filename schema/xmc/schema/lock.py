"""What a reader needs of the lock file: its format, and which table it belongs to. The compiler writes it."""

from typing import Any

import msgspec

from xmc.schema.table import TableError

LOCK_FORMAT = 1
"""Version of the lock file. Another one is refused."""


def read_lock(data: bytes, table: str) -> dict[str, Any]:
    """Return the content of a lock file, which must belong to the table of that digest.

    Nothing else of it is bound to the table: that its evidence was not changed, only a signature says.

    Raises:
        TableError: it is no lock file, of another format, or of another table.
    """
    try:
        plain = msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TableError(f"this is not a lock file: {error}") from None
    found = plain.get("format")
    if type(found) is not int or found != LOCK_FORMAT:
        raise TableError(f"this lock file has format {found!r}; this version of xmc reads format {LOCK_FORMAT}")
    if plain.get("table") != table:
        raise TableError(f"this lock file belongs to another table ({plain.get('table')}); compile the spec again")
    return plain
