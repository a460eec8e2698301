"""Which served entity answers a request: weighted rendezvous hashing, the same in every process and on every machine.

Each entity scores `weight / -ln(u)`, where `u` in (0, 1) comes from a hash of endpoint, salt, entity and the request's
key; the highest score wins. So an entity's share is its weight over the sum, raising one weight moves requests only
to that entity, and taking one away moves only its own.
"""

from collections.abc import Iterable
from hashlib import blake2b
from math import log

from xmc.schema import canonical_json

_SCALE = 2.0**-53


class Picker:
    """The pick of one endpoint. Entities of weight 0 are never picked."""

    __slots__ = ("_entities", "only")

    def __init__(self, endpoint: str, salt: str, weights: Iterable[tuple[str, int]]) -> None:
        # The hash of everything but the key is computed once; a request copies the state and adds its key.
        self._entities = tuple(
            (name, weight, blake2b(canonical_json([endpoint, salt, name]), digest_size=8))
            for name, weight in weights
            if weight > 0
        )
        self.only = self._entities[0][0] if len(self._entities) == 1 else None

    def pick(self, key: str) -> str | None:
        """Return the entity's name, or None where no entity has any traffic."""
        if self.only is not None:
            return self.only
        data = key.encode("utf-8", "surrogatepass")
        best, best_score = None, -1.0
        for name, weight, state in self._entities:
            hasher = state.copy()
            hasher.update(data)
            # The top 53 bits, centred, so that u is exact and neither 0 nor 1.
            u = ((int.from_bytes(hasher.digest(), "big") >> 11) + 0.5) * _SCALE
            score = weight / -log(u)
            if score > best_score:
                best, best_score = name, score
        return best
