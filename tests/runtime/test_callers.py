from base64 import b64encode
from collections.abc import Mapping

import pytest
from multidict import CIMultiDict

from xmc.runtime.callers import Caller, Callers
from xmc.runtime.errors import UnauthenticatedError
from xmc.schema import Principal, hash_token, make_token

SALT = "0123456789abcdef"
ALICE, ALICE_NEW, BOB, PROM, STRANGER = (make_token(bytes([number]) * 40) for number in range(5))
# The id of ALICE with another secret: finds the row, fails the comparison.
FORGED = ALICE[:13] + BOB[13:]

CALLERS = Callers(
    [
        Principal(name="alice", tokens=(hash_token(ALICE, SALT), hash_token(ALICE_NEW, SALT[::-1]))),
        Principal(name="bob", tokens=(hash_token(BOB, SALT),), endpoints=("chat", "embed")),
        Principal(name="prom", tokens=(hash_token(PROM, SALT),), endpoints=(), metrics=True),
    ]
)


def _basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


def _identify(headers: Mapping[str, str]) -> Caller:
    return CALLERS.identify(CIMultiDict(headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {BOB}"},
        {"authorization": f"bEaReR  {BOB} "},
        {"X-Api-Key": BOB},
        {"Authorization": _basic(f"token:{BOB}")},
        {"Authorization": f"Bearer {BOB}", "x-api-key": "something else"},
    ],
)
def test_every_way_to_send_a_token_is_understood(headers: Mapping[str, str]) -> None:
    assert _identify(headers).name == "bob"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer canary"},
        {"Authorization": BOB},
        {"Authorization": f"Bearer {STRANGER}"},
        {"Authorization": f"Bearer {FORGED}"},
        {"Authorization": f"Bearer {ALICE}x"},
        {"Authorization": f"Bearer {ALICE[:-1]}"},
        {"Authorization": f"Bearer {ALICE}, Bearer {ALICE}"},
        {"Authorization": "Bearer " + "canary" * 100_000},
        {"Authorization": "Bearer \udce9\udcff"},
        {"Authorization": _basic(f"alice:{BOB}")},
        {"Authorization": _basic(BOB)},
        {"Authorization": "Basic canary!"},
        {"Authorization": _basic("token:canarié")},
        {"Authorization": f"Digest {BOB}"},
        {"Authorization": "Bearer canary", "x-api-key": BOB},
        {"x-api-key": STRANGER},
    ],
)
def test_whatever_is_not_a_known_token_is_refused_and_never_repeated(headers: Mapping[str, str]) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        _identify(headers)
    error = caught.value
    assert (error.status, error.error_code) == (401, "UNAUTHENTICATED")
    for text in (str(error), error.message, repr(error)):
        assert "canar" not in text
        assert all(token[13:] not in text for token in (ALICE, BOB, STRANGER, FORGED))


def test_a_wrong_secret_and_an_unknown_id_are_told_the_same() -> None:
    texts = set()
    for token in (FORGED, STRANGER):
        with pytest.raises(UnauthenticatedError) as caught:
            _identify({"Authorization": f"Bearer {token}"})
        texts.add(caught.value.message)
    assert len(texts) == 1


def test_old_and_new_token_of_a_principal_both_work_while_it_rotates() -> None:
    assert [_identify({"Authorization": f"Bearer {token}"}).name for token in (ALICE, ALICE_NEW)] == ["alice", "alice"]


def test_two_tokens_that_share_an_id_are_both_found() -> None:
    callers = Callers(
        [
            Principal(name="a", tokens=(hash_token(ALICE, SALT),)),
            Principal(name="f", tokens=(hash_token(FORGED, SALT),)),
        ]
    )
    assert [callers.identify({"x-api-key": token}).name for token in (ALICE, FORGED)] == ["a", "f"]


def test_each_permission_refuses_one_thing_and_allows_another() -> None:
    alice, bob, prom = (_identify({"x-api-key": token}) for token in (ALICE, BOB, PROM))
    assert (alice.may_query("chat"), alice.may_query("secret"), alice.may_read_metrics) == (True, True, False)
    assert (bob.may_query("chat"), bob.may_query("embed"), bob.may_query("secret")) == (True, True, False)
    assert (prom.may_query("chat"), prom.may_read_metrics) == (False, True)


def test_without_principals_everybody_is_let_in() -> None:
    callers = Callers([])
    assert callers.open
    caller = callers.identify({"Authorization": "Bearer whatever"})
    assert caller.may_query("anything")
    assert caller.may_read_metrics


def test_a_principal_without_tokens_still_closes_the_door() -> None:
    callers = Callers([Principal(name="nobody", tokens=())])
    assert not callers.open
    with pytest.raises(UnauthenticatedError):
        callers.identify({})


def test_no_hash_is_shown_by_a_repr() -> None:
    digest = hash_token(ALICE, SALT).sha256
    assert digest not in repr(CALLERS._rows)
    assert repr(bytes.fromhex(digest)) not in repr(CALLERS._rows)
