"""One embedding vector, from whatever form the upstream sent into the one that was asked for."""

import sys
from array import array
from base64 import b64decode, b64encode
from math import isfinite
from typing import Any

from xmc.plugins.openai_family.field import UnreadableError


def encode_embedding(value: Any, encoding: str) -> str | list[float]:
    """Return a vector as a list of numbers (`float`) or as base64 of little-endian float32 (`base64`).

    Raises:
        UnreadableError: neither form, or a number that is not finite.

    Source: OpenAI API reference, "Embeddings", `encoding_format`.
    """
    if isinstance(value, str):
        vector = _vector_from_base64(value)
        return value if encoding == "base64" else vector.tolist()
    if not isinstance(value, list):
        raise UnreadableError("answered with an embedding that is neither a list nor base64")
    try:
        vector = array("f", value)
    except (TypeError, OverflowError) as error:
        raise UnreadableError("answered with an embedding that is no list of numbers") from error
    _refuse_infinite(vector)
    if encoding == "float":
        return value
    return b64encode(_little_endian(vector).tobytes()).decode("ascii")


def _vector_from_base64(text: str) -> "array[float]":
    vector = array("f")
    try:
        vector.frombytes(b64decode(text, validate=True))
    except ValueError as error:
        raise UnreadableError("answered with an embedding that is not base64 of float32 numbers") from error
    vector = _little_endian(vector)
    _refuse_infinite(vector)
    return vector


def _little_endian(vector: "array[float]") -> "array[float]":
    if sys.byteorder == "big":
        vector = array("f", vector)
        vector.byteswap()
    return vector


def _refuse_infinite(vector: "array[float]") -> None:
    # The sum of finite float32 numbers is finite in double precision; one that is not shows in it.
    if not isfinite(sum(vector)):
        raise UnreadableError("answered with an embedding that holds a number which is not finite")
