"""One choice of a stream: what upstreams send in parts, as canonical deltas.

Tool calls are the hard part. A canonical stream names a call once (index, id, type, name), counts calls from 0 and
then sends only fragments of arguments. Upstreams count from 1, use one index for all calls, repeat or blank out ids
and names, leave out ids, or send `{}` before the real arguments; clients that concatenate what they get break on each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from xmc.plugins.openai_family.field import UnreadableError, read_arguments, read_content
from xmc.plugins.openai_family.response import move_reasoning, read_choice_text, set_finish

_ALWAYS_THERE = frozenset({"index", "delta", "finish_reason", "logprobs"})


@dataclass(slots=True)
class _Call:
    """A tool call that has begun. `key` and `given_id` are the upstream's, `index` is ours."""

    index: int
    key: Any
    given_id: str
    name: str
    has_arguments: bool = False


@dataclass(slots=True)
class ChatChoice:
    """Reads the deltas of one chat choice. `stem` begins the ids of calls that come without one."""

    stem: str
    finished: bool = False
    opened: bool = False
    calls: list[_Call] = field(default_factory=list)

    def read(self, choice: dict[str, Any]) -> Sequence[dict[str, Any]]:
        """Return the canonical parts of this choice. Raises `UnreadableError`."""
        part = {key: value for key, value in choice.items() if key not in {"delta", "message"}}
        raw = choice.get("delta", choice.get("message"))
        delta = self._delta(raw) if isinstance(raw, dict) else {}
        set_finish(part, called=bool(self.calls), trusted=False)
        if self.finished:
            part["finish_reason"] = None
        if not isinstance(raw, dict) and part["finish_reason"] is None:
            return ()  # Azure's asynchronous filter sends choices without a delta
        if part["finish_reason"] is None and not delta and not part.get("logprobs") and part.keys() <= _ALWAYS_THERE:
            return ()
        part["delta"] = delta
        if part["finish_reason"] is None:
            return (part,)
        self.finished = True
        missing = [_fragment(call, "{}") for call in self.calls if not call.has_arguments]
        if not missing:
            return (part,)
        return ({"delta": {"tool_calls": missing}, "finish_reason": None}, part)

    def _delta(self, raw: dict[str, Any]) -> dict[str, Any]:
        delta = dict(raw)
        delta.pop("role", None)
        text, reasoning = read_content(raw.get("content"))
        delta.pop("content", None)
        if text is not None or ("content" in raw and raw["content"] is None and not self.opened):
            delta["content"] = text
        move_reasoning(delta, reasoning)
        fragments = delta.pop("tool_calls", None)
        if fragments:
            if not isinstance(fragments, list):
                raise UnreadableError("sent `tool_calls` that are no list")
            calls = [call for fragment in fragments if (call := self._call(fragment))]
            if calls:
                delta["tool_calls"] = calls
        if not self.opened:
            self.opened = True
            delta = {"role": "assistant", **delta}
        return delta

    def _call(self, fragment: Any) -> dict[str, Any] | None:
        """Translate one fragment of a call; None if nothing is left of it."""
        if not isinstance(fragment, dict):
            raise UnreadableError("sent a tool call that is no object")
        function: dict[str, Any] = fragment["function"] if isinstance(fragment.get("function"), dict) else {}
        name: str = function["name"] if isinstance(function.get("name"), str) else ""
        arguments = read_arguments(function.get("arguments"))
        out: dict[str, Any] = {}
        call = self._find(fragment, name)
        if call is None:
            call, out = self._begin(fragment, name)
        else:
            out["index"] = call.index
            if name and not call.name:
                call.name = name
                out["function"] = {"name": name}
        # `{}` as a first fragment may stand before the real arguments; it is sent at the end if nothing came.
        if arguments and (call.has_arguments or arguments.strip() not in {"", "{}"}):
            call.has_arguments = True
            out["function"] = {**out.get("function", {}), "arguments": arguments}
        return out if len(out) > 1 else None

    def _find(self, fragment: dict[str, Any], name: str) -> _Call | None:
        """Return the call that a fragment continues. A new id is a new call, whatever its index."""
        given_id, key = _id_of(fragment), fragment.get("index")
        if given_id:
            for call in self.calls:
                if call.given_id == given_id and (key is None or call.key == key):
                    return call
        same = [call for call in self.calls if key is None or call.key == key]
        if not same:
            return None
        last = same[-1]
        if given_id and (last.given_id or (name and last.name)):
            return None
        if not given_id and key is None and name and last.has_arguments:
            return None  # neither id nor index, but a name again: whole calls, one after the other
        return last

    def _begin(self, fragment: dict[str, Any], name: str) -> tuple[_Call, dict[str, Any]]:
        given_id = _id_of(fragment)
        call = _Call(len(self.calls), fragment.get("index"), given_id, name)
        self.calls.append(call)
        kind = fragment.get("type")
        out: dict[str, Any] = {
            "index": call.index,
            "id": given_id or f"call_{self.stem}_{call.index}",
            "type": kind if isinstance(kind, str) and kind else "function",
            "function": {"arguments": ""},
        }
        if name:
            out["function"]["name"] = name
        return call, out


@dataclass(slots=True)
class TextChoice:
    """Reads the parts of one completions choice, also of servers that answer with chat deltas."""

    finished: bool = False

    def read(self, choice: dict[str, Any]) -> Sequence[dict[str, Any]]:
        """Return the canonical part of this choice. Raises `UnreadableError`."""
        part = dict(choice)
        set_finish(part, called=False, trusted=False)
        if self.finished:
            part["finish_reason"] = None
        if part.get("text") is None and not isinstance(part.get("delta"), dict):
            if part["finish_reason"] is None:
                return ()
            part["text"] = ""
        part["text"] = read_choice_text(part, "delta")
        part.setdefault("logprobs", None)
        self.finished = self.finished or part["finish_reason"] is not None
        return (part,)


def _fragment(call: _Call, arguments: str) -> dict[str, Any]:
    return {"index": call.index, "function": {"arguments": arguments}}


def _id_of(fragment: dict[str, Any]) -> str:
    given = fragment.get("id")
    return given if isinstance(given, str) else ""
