"""The `litellm_params` of one entry of `model_list`: values with the keys of the input that they come from."""

from dataclasses import dataclass, field
from typing import Any

from xmc.compiler.imports.draft import Draft, LeftOutError
from xmc.compiler.imports.secret_book import Hidden, is_reference, of_environment
from xmc.compiler.node import Path

_ENVIRONMENT = "os.environ/"
_SET_THERE = "its value is not copied: set the variable where `xmc serve` runs"


@dataclass(frozen=True, slots=True)
class Environment:
    """What the input is known to find in the environment: `environment_variables` of the file, and `--env`."""

    given: dict[str, str] = field(repr=False)
    written: dict[str, Any] = field(repr=False)

    def place(self, variable: str) -> Path | None:
        """Return where the file sets a variable, or None."""
        return ("environment_variables", variable) if variable in self.written else None

    def value(self, variable: str) -> str | None:
        """Return the value of a variable, if it is known."""
        written = self.written.get(variable)
        known = self.given.get(variable, written if isinstance(written, str) else None)
        return None if known is None or known.startswith(_ENVIRONMENT) else known


@dataclass(frozen=True, slots=True)
class Params:
    """Keys of an entry, those of its named credential included; the entry's own win."""

    values: dict[str, Any] = field(repr=False)
    places: dict[str, Path]
    environment: Environment

    def raw(self, key: str) -> str | None:
        """Return a value as it is written, if it is text and not empty."""
        value = self.values.get(key)
        return value if isinstance(value, str) and value else None

    def text(self, *keys: str) -> tuple[str, tuple[Path, ...]] | None:
        """Return the value of the first of `keys` that is there, with where it comes from.

        Raises:
            LeftOutError: it is in an environment variable whose value is not known.
        """
        for key in keys:
            value = self.raw(key)
            if value is None:
                continue
            if not value.startswith(_ENVIRONMENT):
                return value, (self.places[key],)
            variable = value.removeprefix(_ENVIRONMENT)
            known = self.environment.value(variable)
            if known is None:
                raise LeftOutError(
                    f"left out: {key} is in the environment variable {variable}, which a spec cannot read; "
                    f"give --env {variable}=VALUE"
                )
            place = self.environment.place(variable)
            return known, (self.places[key], *((place,) if place and variable not in self.environment.given else ()))
        return None

    def put(self, draft: Draft, to: str, *keys: str) -> bool:
        """Carry the first of `keys` that is there over to `to`; tell whether there was one."""
        found = self.text(*keys)
        if found is not None:
            draft.put(to, found[0], *found[1])
        return found is not None

    def require(self, draft: Draft, to: str, *keys: str, variables: tuple[str, ...] = ()) -> None:
        """Carry one of `keys` over, or what LiteLLM reads from `variables` in its place.

        Raises:
            LeftOutError: neither is there.
        """
        if self.put(draft, to, *keys):
            return
        for variable in variables:
            known, place = self.environment.value(variable), self.environment.place(variable)
            if known is not None:
                draft.put(to, known, *((place,) if place else ()))
                return
        hint = f"; LiteLLM reads {variables[0]} for it, so give --env {variables[0]}=VALUE" if variables else ""
        raise LeftOutError(f"left out: {keys[0]} is missing{hint}")

    def secret(self, draft: Draft, to: str, key: str, variable: str = "", put: str = "") -> bool:
        """Put a reference at `to` for a secret; without the key for the variable that LiteLLM reads. Tell whether."""
        value = self.raw(key)
        if value is None:
            if not variable:
                return False
            draft.put(to, of_environment(variable))
            self._set_there(draft, to, variable)
        elif value.startswith(_ENVIRONMENT):
            named = value.removeprefix(_ENVIRONMENT)
            draft.put(to, of_environment(named), self.places[key])
            self._set_there(draft, to, named)
        elif is_reference(value):
            draft.put(to, Hidden(known=value), self.places[key])
        else:
            hidden = Hidden(key=f"{draft.provider}-{key}", put=put or f"the {key} that was typed in", value=value)
            draft.put(to, hidden, self.places[key])
        return True

    def _set_there(self, draft: Draft, to: str, variable: str) -> None:
        place = self.environment.place(variable)
        if place is not None:
            draft.carry(place, "external_model", draft.config_key, *to.split("."), reason=_SET_THERE)
