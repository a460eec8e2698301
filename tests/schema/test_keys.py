"""Keys of artifacts: which texts are one, and what is said of those that are none."""

import base64
import pickle

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from tests.schema.signed import OTHER_SEAL, OTHER_SIGN, SEAL, SIGN, artifact_of, table_of

from xmc.schema import (
    SealError,
    SealKey,
    SignatureError,
    UnusableKeyError,
    format_seal_key,
    format_signing_key,
    load_public_keys,
    load_signing_key,
    open_sealed,
    parse_seal_keys,
    seal,
    verify_artifact,
)

PEM = form.Encoding.PEM


@given(st.binary(min_size=32, max_size=32))
def test_a_sealing_key_reads_in_every_usual_way(raw: bytes) -> None:
    plain = base64.b64encode(raw).decode()
    ways = [plain, plain.rstrip("="), base64.urlsafe_b64encode(raw).decode(), raw.hex(), raw.hex().upper()]
    for text in (*ways, format_seal_key(raw), f"# made in May\n  {plain}\n\n"):
        (key,) = parse_seal_keys(text)
        assert key.reveal() == raw
        assert raw.hex() not in repr(key)
        assert plain not in repr(key)


@pytest.mark.parametrize("length", [0, 1, 16, 24, 31, 33, 48, 64])
def test_a_sealing_key_of_another_length_is_refused_with_its_length(length: int) -> None:
    raw = bytes(range(100, 100 + length))
    for text in (base64.b64encode(raw).decode(), raw.hex()):
        with pytest.raises(UnusableKeyError, match=r"32 bytes|no sealing key") as caught:
            parse_seal_keys(text)
        assert not text or text not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "correct horse battery staple", "ä" * 44, "\ufffd"])
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(UnusableKeyError) as caught:
        parse_seal_keys(text)
    assert "horse" not in str(caught.value)


def test_several_keys_can_stand_in_one_file_and_each_opens_what_it_sealed() -> None:
    keys = parse_seal_keys(format_seal_key(OTHER_SEAL.reveal()) + format_seal_key(SEAL.reveal()))
    assert [key.id for key in keys] == [OTHER_SEAL.id, SEAL.id]
    for key in keys:
        assert open_sealed(seal({"a": "b"}, "sha256:1", key, bytes(12)), "sha256:1", keys) == {"a": "b"}


def test_the_wrong_key_is_named_and_opens_nothing() -> None:
    data = seal({"a": "b"}, "sha256:1", SEAL, bytes(12))
    with pytest.raises(SealError, match=f"another key \\({SEAL.id}\\); at hand: {OTHER_SEAL.id}"):
        open_sealed(data, "sha256:1", (OTHER_SEAL,))
    # Not even if it claims to be the right one: the id is a name, the key is what counts.
    liar = SealKey(OTHER_SEAL.reveal())
    liar.id = SEAL.id
    with pytest.raises(SealError, match="was changed"):
        open_sealed(data, "sha256:1", (liar,))


def test_what_is_sealed_for_one_table_opens_for_no_other() -> None:
    data = seal({"a": "b"}, "sha256:1", SEAL, bytes(12))
    with pytest.raises(SealError, match="another table"):
        open_sealed(data, "sha256:2", (SEAL,))
    moved = data.replace(b"sha256:1", b"sha256:2")
    with pytest.raises(SealError, match="was changed"):
        open_sealed(moved, "sha256:2", (SEAL,))


@given(st.dictionaries(st.text(max_size=20), st.text(st.characters(codec="utf-8"), max_size=50), max_size=5))
def test_what_is_sealed_comes_out_as_it_went_in(values: dict[str, str]) -> None:
    nonce = bytes(12)
    data = seal(values, "sha256:1", SEAL, nonce)
    assert open_sealed(data, "sha256:1", (SEAL,)) == values
    for value in values.values():
        assert len(value) < 8 or value.encode() not in data


def test_a_nonce_of_another_length_is_a_fault() -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        seal({}, "sha256:1", SEAL, bytes(11))


def test_a_key_is_not_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(SEAL)


def test_a_key_pair_belongs_together_and_reads_as_openssl_writes_it() -> None:
    private, public = format_signing_key(bytes(range(32)))
    assert private.startswith(b"-----BEGIN PRIVATE KEY-----")
    (key,) = load_public_keys(public)
    assert key == load_signing_key(private).public
    assert key.id == SIGN.public.id


def test_one_of_several_trusted_keys_is_enough_and_a_stranger_is_not() -> None:
    signed = artifact_of(table_of(1000))
    both = load_public_keys(format_signing_key(bytes(32))[1] + b"\n# new\n" + format_signing_key(bytes(range(32)))[1])
    assert both == (OTHER_SIGN.public, SIGN.public)
    assert verify_artifact(signed, both).statement is not None
    with pytest.raises(SignatureError, match=f"by {SIGN.public.id}, which is not trusted; is: {OTHER_SIGN.public.id}"):
        verify_artifact(signed, (OTHER_SIGN.public,))
    with pytest.raises(SignatureError, match="is: none"):
        verify_artifact(signed, ())


def private_pem(password: bytes | None = None) -> bytes:
    how = form.BestAvailableEncryption(password) if password else form.NoEncryption()
    return Ed25519PrivateKey.generate().private_bytes(PEM, form.PrivateFormat.PKCS8, how)


def curve_pem() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(PEM, form.PublicFormat.SubjectPublicKeyInfo)
    return key.private_bytes(PEM, form.PrivateFormat.PKCS8, form.NoEncryption()), public


def test_other_private_keys_are_refused_by_what_they_are() -> None:
    for data, says in [
        (b"", "no private key"),
        (format_signing_key(bytes(32))[1], "no private key"),
        (private_pem(b"a password"), "password"),
        (curve_pem()[0], "not Ed25519"),
        (private_pem()[:60], "no private key"),
    ]:
        with pytest.raises(UnusableKeyError, match=says) as caught:
            load_signing_key(data)
        assert caught.value.__cause__ is None
        assert data[30:60].decode() not in str(caught.value) or not data[30:60]


def test_other_public_keys_are_refused_by_what_they_are() -> None:
    begin, end = b"-----BEGIN PUBLIC KEY-----\n", b"\n-----END PUBLIC KEY-----\n"
    for data, says in [
        (b"", "no public key"),
        (private_pem(), "a private key"),
        (curve_pem()[1], "not Ed25519"),
        (begin + b"AAAA" + end, "cannot be read"),
    ]:
        with pytest.raises(UnusableKeyError, match=says):
            load_public_keys(data)
