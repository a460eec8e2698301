"""No bit of an artifact can change without being noticed: all of them are tried, not a sample."""

from collections.abc import Callable, Iterator

import msgspec
import pytest
from msgspec.structs import replace
from tests.schema.signed import OTHER_SEAL, SEAL, SIGN, VALUES, artifact_of, table_of

from xmc.schema import Artifact, SealError, TableError, canonical_json, decode_table, open_sealed, seal, verify_artifact

TABLE = table_of(4096)
GOOD = artifact_of(TABLE)
TRUSTED = (SIGN.public,)


def flips(data: bytes) -> Iterator[bytes]:
    for bit in range(len(data) * 8):
        bad = bytearray(data)
        bad[bit // 8] ^= 1 << bit % 8
        yield bytes(bad)


def refused(check: Callable[[bytes], object], candidates: Iterator[bytes]) -> tuple[int, int]:
    """Return how many candidates there were, and how many of them were refused as they should be."""
    tried = caught = 0
    for bad in candidates:
        tried += 1
        try:
            check(bad)
        except TableError:
            caught += 1
    return tried, caught


def test_the_artifact_itself_is_good() -> None:
    found = verify_artifact(GOOD, TRUSTED)
    assert found.table == TABLE
    assert found.statement is not None
    assert found.statement.serial == 7
    assert open_sealed(GOOD.sealed or b"", TABLE.digest, (SEAL,)) == VALUES


def test_every_single_bit_of_a_table_counts() -> None:
    assert 4096 <= len(GOOD.table) < 5120
    tried, caught = refused(decode_table, flips(GOOD.table))
    assert (tried, caught) == (len(GOOD.table) * 8, tried)
    tried, caught = refused(lambda bad: verify_artifact(replace(GOOD, table=bad), TRUSTED), flips(GOOD.table))
    assert (tried, caught) == (len(GOOD.table) * 8, tried)


@pytest.mark.parametrize("part", ["lock", "sealed", "signature"])
def test_every_single_bit_of_its_companions_counts(part: str) -> None:
    data: bytes = getattr(GOOD, part)
    tried, caught = refused(lambda bad: verify_artifact(replace(GOOD, **{part: bad}), TRUSTED), flips(data))
    assert (tried, caught) == (len(data) * 8, tried)


@pytest.mark.parametrize("length", range(3))  # base64 has bits that nothing reads, by length
def test_every_single_bit_of_a_sealed_file_counts_to_who_opens_it_and_has_no_signature(length: int) -> None:
    data = seal({"a": "b" * length}, TABLE.digest, SEAL, bytes(12))
    tried, caught = refused(lambda bad: open_sealed(bad, TABLE.digest, (SEAL, OTHER_SEAL)), flips(data))
    assert (tried, caught) == (len(data) * 8, tried)


@pytest.mark.parametrize("part", ["table", "lock", "sealed", "signature"])
def test_a_byte_more_or_less_at_either_end_is_refused(part: str) -> None:
    data: bytes = getattr(GOOD, part)
    changed = (data[:-1], data[1:], data + b"\n", data + b" ", b" " + data, b"\xef\xbb\xbf" + data, data + data, b"")
    tried, caught = refused(lambda bad: verify_artifact(replace(GOOD, **{part: bad}), TRUSTED), iter(changed))
    assert (tried, caught) == (len(changed), tried)


@pytest.mark.parametrize("part", ["table", "sealed", "signature"])
def test_the_same_content_in_other_bytes_is_refused(part: str) -> None:
    data: bytes = getattr(GOOD, part)
    plain = msgspec.json.decode(data)
    backwards = dict(reversed(plain.items()))
    changed = [
        msgspec.json.format(data, indent=2) + b"\n",
        msgspec.json.encode(backwards) + b"\n",
        data.replace(b'"format":1', b'"format": 1'),
        data.replace(b'"format":1', b'"format":1.0'),
        data.replace(b'"format":1', b'"format":true'),
        data.replace(b'"format":1', b'"format":1,"format":1'),
        data.replace(b"sha256", rb"\u0073ha256"),
        data.replace(b"\n", b"\r\n"),
    ]
    assert data not in changed
    tried, caught = refused(lambda bad: verify_artifact(replace(GOOD, **{part: bad}), TRUSTED), iter(changed))
    assert (tried, caught) == (len(changed), tried)


@pytest.mark.parametrize(
    "rest",
    [
        replace(GOOD, lock=None),
        replace(GOOD, signature=None),
        replace(GOOD, sealed=None),
    ],
    ids=lambda _: "",
)
def test_a_companion_that_is_gone_is_refused(rest: Artifact) -> None:
    with pytest.raises(TableError, match=r"there is no|is not there"):
        verify_artifact(rest, TRUSTED)


@pytest.mark.parametrize("part", ["lock", "sealed", "signature"])
def test_the_companion_of_another_table_is_refused_even_without_keys(part: str) -> None:
    other = artifact_of(table_of(1000))
    with pytest.raises(TableError, match=r"another|its signature is of"):
        verify_artifact(replace(GOOD, **{part: getattr(other, part)}))


def test_a_sealed_file_that_was_not_signed_is_refused() -> None:
    unsealed = artifact_of(TABLE, sealed=False)
    assert verify_artifact(unsealed, TRUSTED).sealed is None
    with pytest.raises(TableError, match="was not signed with it"):
        verify_artifact(replace(unsealed, sealed=GOOD.sealed), TRUSTED)


def test_older_sealed_values_of_the_same_table_are_refused_by_the_signature_alone() -> None:
    older = replace(GOOD, sealed=_resealed())
    assert open_sealed(older.sealed or b"", TABLE.digest, (SEAL,)) == {"scope/key": "leaked last year"}
    with pytest.raises(TableError, match="another sealed file"):
        verify_artifact(older, TRUSTED)


def _resealed() -> bytes:
    return seal({"scope/key": "leaked last year"}, TABLE.digest, SEAL, bytes(11) + b"1")


@pytest.mark.parametrize("number", [0, 2, 99, "1", None, True])
@pytest.mark.parametrize("part", ["table", "lock", "sealed", "signature"])
def test_another_format_is_refused_by_name(part: str, number: object) -> None:
    plain = msgspec.json.decode(getattr(GOOD, part))
    bad: Artifact = replace(GOOD, **{part: canonical_json({**plain, "format": number}) + b"\n"})
    with pytest.raises(TableError, match=f"format {number!r}" if number is not True else "."):
        verify_artifact(bad, TRUSTED)


def test_a_value_is_in_no_message() -> None:
    for data in flips(GOOD.sealed or b""):
        with pytest.raises(SealError) as caught:
            open_sealed(data, TABLE.digest, (SEAL,))
        assert "first" not in str(caught.value)
        assert "smörgås" not in str(caught.value)
