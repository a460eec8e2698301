"""One candidate of a Gemini answer, or of one event of its stream: what it holds, in canonical pieces.

Text, thoughts and calls of functions have a place in a canonical message; code that the model ran and images that it
made have none and are left out.
Source: Vertex AI API reference, "Candidate", "Part", "LogprobsResult"; google-genai 3.4.0.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from xmc.plugins.openai_family.field import UnreadableError, encode_text, whole_number
from xmc.plugins.translation.answer import call_head


def candidates_of(body: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Return candidates with their numbers. Raises `UnreadableError`."""
    candidates = body.get("candidates")
    if candidates is None:
        return []
    if not isinstance(candidates, list) or not all(isinstance(one, dict) for one in candidates):
        raise UnreadableError("answered with `candidates` that are no list")
    numbered: list[tuple[int, dict[str, Any]]] = []
    for position, candidate in enumerate(candidates):
        index = whole_number(candidate.get("index"))
        # The first one's 0 is left out in Google's JSON.
        numbered.append((index if index is not None else 0 if position == 0 else position, candidate))
    return numbered


def pieces_of(candidate: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Return what a candidate says, in order: `text`, `thought`, or `call` with its part.

    Raises `UnreadableError`.
    """
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else content
    if parts is None:
        return
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise UnreadableError("answered with a candidate whose parts are no list")
    for part in parts:
        if isinstance(part.get("functionCall"), dict):
            yield "call", part
        elif isinstance(part.get("text"), str) and part["text"]:
            yield ("thought" if part.get("thought") is True else "text"), part["text"]


def call_of(part: Mapping[str, Any], stem: str, names: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """Return a call without its arguments, and those as JSON text. Raises `UnreadableError`."""
    function = part["functionCall"]
    call = call_head(function.get("name"), function.get("id"), stem, names)
    signature = part.get("thoughtSignature")
    if isinstance(signature, str) and signature:
        call["extra_content"] = {"google": {"thought_signature": signature}}
    arguments = function.get("args")
    return call, encode_text({} if arguments is None else arguments)


def citations_of(candidate: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the sources that a candidate names, as Gemini tells them."""
    told = candidate.get("citationMetadata")
    citations = told.get("citations") if isinstance(told, dict) else None
    return [one for one in citations if isinstance(one, dict)] if isinstance(citations, list) else []


def logprobs_of(candidate: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return canonical `logprobs`, None if the candidate has none. What cannot be read is left out."""
    told = candidate.get("logprobsResult")
    chosen = told.get("chosenCandidates") if isinstance(told, dict) else None
    if not isinstance(chosen, list):
        return None
    tops = told.get("topCandidates") if isinstance(told, dict) else None
    tokens: list[dict[str, Any]] = []
    for position, one in enumerate(chosen):
        token = _token(one)
        if token is None:
            continue
        top = tops[position] if isinstance(tops, list) and position < len(tops) else None
        others = top.get("candidates") if isinstance(top, dict) else None
        read = [_token(other) for other in others] if isinstance(others, list) else []
        tokens.append({**token, "top_logprobs": [other for other in read if other is not None]})
    return {"content": tokens, "refusal": None}


def _token(told: Any) -> dict[str, Any] | None:
    if not isinstance(told, dict) or not isinstance(told.get("token"), str):
        return None
    logprob = told.get("logProbability", 0)  # a zero is left out in Google's JSON
    if isinstance(logprob, bool) or not isinstance(logprob, int | float):
        return None
    return {"token": told["token"], "logprob": logprob, "bytes": list(told["token"].encode("utf-8", "replace"))}
