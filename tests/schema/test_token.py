import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmc.schema import format_token_hash, hash_token, make_token, mask_tokens, parse_token_hash, token_id

SALT = "0123456789abcdef"


@given(st.binary(min_size=40, max_size=40))
def test_every_made_token_is_well_formed_and_its_hash_survives_writing_and_reading(random: bytes) -> None:
    token = make_token(random)
    row = hash_token(token, SALT)
    assert token_id(token) == row.id
    assert parse_token_hash(format_token_hash(row)) == row
    assert token not in format_token_hash(row)
    assert token[13:] not in mask_tokens(f"GET /{token}?a={token}")


def test_two_salts_give_two_hashes() -> None:
    token = make_token(bytes(40))
    assert hash_token(token, SALT).sha256 != hash_token(token, SALT[::-1]).sha256


@pytest.mark.parametrize(
    "text",
    [
        "",
        "xmc1$aaaaaaaa$0123456789abcdef$" + 63 * "0",
        "xmc1$AAAAAAAA$0123456789abcdef$" + 64 * "0",
        "xmc2$aaaaaaaa$0123456789abcdef$" + 64 * "0",
        "xmc1$aaaaaaaa$short$" + 64 * "0",
        "xmc1$aaaaaaaa$0123456789abcdef$" + 64 * "0" + "\n",
        "xmc_aaaaaaaa_" + 43 * "A",
    ],
)
def test_what_is_not_a_hash_is_not_taken_for_one(text: str) -> None:
    assert parse_token_hash(text) is None


@pytest.mark.parametrize(
    "token", ["", "xmc_aaaaaaaa_short", "xmc_aaaaaaaa_" + 43 * "é", "xmc_aaaaaaaa_" + 43 * "A" + "\n"]
)
def test_a_malformed_token_is_refused_without_being_named(token: str) -> None:
    assert token_id(token) is None
    with pytest.raises(ValueError, match=r"^not a client token: it must be xmc_<id>_<secret>$"):
        hash_token(token, SALT)


def test_a_salt_that_could_not_be_read_back_is_refused() -> None:
    with pytest.raises(ValueError, match="salt"):
        hash_token(make_token(bytes(40)), "with$dollar$in$it")


def test_a_token_is_not_made_from_too_little_randomness() -> None:
    with pytest.raises(ValueError, match="40"):
        make_token(b"few")
