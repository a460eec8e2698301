"""Values of the table's records made from their types alone: a sample, all its variants, and hypothesis strategies.

Nothing here knows a field by name, so that a field which is added to a record later is met by the same tests.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

NAMES = ("name", "id")
"""Fields that tell the items of a list apart."""

Info = inspect.Type


def sample(info: Info) -> Any:
    """Return a value of a type in which nothing is left out: every list and mapping has an item."""
    match info:
        case inspect.StrType():
            return "s"
        case inspect.IntType():
            return 1
        case inspect.BoolType():
            return True
        case inspect.AnyType():
            return {"deep": [1]}
        case inspect.NoneType():
            return None
        case inspect.EnumType(cls=cls):
            return next(iter(cls))
        case inspect.StructType(cls=cls, fields=fields):
            return cls(**{field.name: sample(field.type) for field in fields})
        case inspect.VarTupleType(item_type=item):
            return (sample(item),)
        case inspect.TupleType(item_types=items):
            return tuple(sample(item) for item in items)
        case inspect.DictType(key_type=key, value_type=value):
            return {sample(key): sample(value)}
        case inspect.UnionType(types=types):
            return sample(next(one for one in types if not isinstance(one, inspect.NoneType)))
    raise NotImplementedError(info)


def variants(info: Info, value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return, for every place in a value, the whole value with that place changed, and where it was."""
    match info:
        case inspect.StructType(fields=fields):
            for field in fields:
                inner = variants(field.type, getattr(value, field.name), f"{path}.{field.name}".lstrip("."))
                yield from ((place, msgspec.structs.replace(value, **{field.name: one})) for place, one in inner)
        case inspect.VarTupleType(item_type=item):
            yield path, ()
            yield from ((place, (one,)) for place, one in variants(item, value[0], path))
        case inspect.TupleType(item_types=items):
            for at, item in enumerate(items):
                for place, one in variants(item, value[at], path):
                    yield place, (*value[:at], one, *value[at + 1 :])
        case inspect.DictType(value_type=value_type):
            ((key, inner_value),) = value.items()
            yield from ((path, {}), (path, {**value, f"{key}x": inner_value}))
            yield from ((place, {key: one}) for place, one in variants(value_type, inner_value, path))
        case inspect.UnionType(types=types):
            if any(isinstance(one, inspect.NoneType) for one in types):
                yield path, None
            own = next(one for one in types if not isinstance(one, inspect.NoneType))
            yield from variants(own, value, path)
        case _:
            yield from ((path, one) for one in _others(info, value))


def _others(info: Info, value: Any) -> list[Any]:
    """Other values of a type that has no parts."""
    match info:
        case inspect.StrType():
            return [f"{value}x"]
        case inspect.IntType():
            return [value + 1]
        case inspect.BoolType():
            return [not value]
        case inspect.AnyType():
            return [{"deep": [True]}, {"deep": [1, 1]}, {"deep": [1], "new": None}, None]
        case inspect.EnumType(cls=cls):
            return [next(one for one in cls if one is not value)]
    raise NotImplementedError(info)


_words = st.sampled_from(["a", "b", "c", "*", "https://a.example/v1", "https://b.example:1/"])
_plain = st.recursive(
    st.none() | st.booleans() | st.integers(0, 1) | _words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_words, inner, max_size=2),
    max_leaves=4,
)


def values(info: Info) -> st.SearchStrategy[Any]:
    """Values of a type, from few words, so that two of them often have something in common."""
    match info:
        case inspect.StrType():
            return _words
        case inspect.IntType():
            return st.integers(0, 100)
        case inspect.BoolType():
            return st.booleans()
        case inspect.AnyType():
            return _plain
        case inspect.NoneType():
            return st.none()
        case inspect.EnumType(cls=cls):
            return st.sampled_from(list(cls))
        case inspect.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.name: values(field.type) for field in fields})
        case inspect.VarTupleType(item_type=item):
            return st.lists(values(item), max_size=3, unique_by=_name_of).map(tuple)
        case inspect.TupleType(item_types=items):
            return st.tuples(*map(values, items))
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(values(key), values(value), max_size=2)
        case inspect.UnionType(types=types):
            return st.one_of([values(one) for one in types])
    raise NotImplementedError(info)


def _name_of(value: Any) -> Any:
    return next((getattr(value, name) for name in NAMES if hasattr(value, name)), repr(value))
