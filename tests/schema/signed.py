"""A small signed and sealed artifact, made from the records alone."""

import msgspec
from tests.gateways import endpoint, target

from xmc.plugins import CONTRACT
from xmc.schema import (
    Artifact,
    SealKey,
    SecretSlot,
    SigningKey,
    Statement,
    Table,
    decode_table,
    digest_bytes,
    encode_table,
    format_signing_key,
    load_signing_key,
    seal,
    sign,
)

SEAL = SealKey(bytes(range(32)))
OTHER_SEAL = SealKey(bytes(32))
SIGN: SigningKey = load_signing_key(format_signing_key(bytes(range(32)))[0])
OTHER_SIGN: SigningKey = load_signing_key(format_signing_key(bytes(32))[0])
TYPED = "plaintext:chat/e0/openai_config.openai_api_key"
VALUES = {"scope/key": "first", TYPED: 'second "räksmörgås"'}


def table_of(size: int) -> Table:
    """Return a table whose file has about that many bytes."""
    one = endpoint("chat", target("http://127.0.0.1:9"))
    slots = {
        "scope/key": SecretSlot(ref="{{secrets/scope/key}}", store="plaintext", path="", field="scope/key"),
        TYPED: SecretSlot(ref=TYPED, store="plaintext", path="", field=TYPED),
    }
    table = Table(endpoints=(), contract=CONTRACT, secrets=slots)
    count = 1
    while len(encode_table(table)) < size:
        names = [msgspec.structs.replace(one, name=f"chat-{number}") for number in range(count)]
        table = msgspec.structs.replace(table, endpoints=tuple(names))
        count += 1
    return decode_table(encode_table(table))


def artifact_of(table: Table, *, serial: int | None = 7, sealed: bool = True) -> Artifact:
    """Return a table's bytes with lock, sealed file and signature."""
    lock = msgspec.json.format(msgspec.json.encode({"format": 1, "table": table.digest, "compiled_at": "now"})) + b"\n"
    hidden = seal(VALUES, table.digest, SEAL, bytes(12)) if sealed else None
    said = Statement(
        table=table.digest,
        lock=digest_bytes(lock),
        key="",
        sealed=digest_bytes(hidden) if hidden else None,
        serial=serial,
    )
    return Artifact(encode_table(table), lock=lock, sealed=hidden, signature=sign(said, SIGN))
