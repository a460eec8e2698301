import pytest

from xmc.plugins import StoreError
from xmc.plugins.stores.env import EnvStore
from xmc.schema import JsonObject, SecretSlot

STORE = EnvStore()


def slot(scope: str, key: str, settings: JsonObject | None = None) -> SecretSlot:
    path, field = STORE.locate(scope, key, settings or {})
    return SecretSlot(ref=f"{{{{secrets/{scope}/{key}}}}}", store="env", path=path, field=field)


def test_scope_and_key_name_the_variable(canary: str) -> None:
    session = STORE.open({}, {"OPEN_AI_API_KEY": canary})
    assert session.read(slot("open-ai", "api.key"))[0].reveal() == canary
    proof = session.prove(slot("open-ai", "api.key"))
    assert (proof.version, proof.value_was_read) == (None, False)


def test_prefix_goes_before_derived_names_but_not_before_renamed_ones(canary: str) -> None:
    session = STORE.open({"prefix": "APP_"}, {"APP_A_B": canary, "PLAIN": canary + "2"})
    assert session.read(slot("a", "b"))[0].reveal() == canary
    assert session.read(slot("a", "b", {"variables": {"b": "PLAIN"}}))[0].reveal() == canary + "2"


@pytest.mark.parametrize(("environ", "words"), [({}, "is not set"), ({"A_B": ""}, "is empty")])
def test_a_variable_without_a_value_is_missing(environ: dict[str, str], words: str) -> None:
    session = STORE.open({}, environ)
    for ask in (session.prove, session.read):
        with pytest.raises(StoreError, match=f"A_B {words}") as caught:
            ask(slot("a", "b"))
        assert caught.value.kind == "missing"
