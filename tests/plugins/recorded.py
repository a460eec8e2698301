"""The recorded bytes under `samples/`, and how to replay them through a provider."""

import json
from pathlib import Path
from typing import Any

from tests.providers import MINIMAL, Case

from xmc.plugins.sse import SseReader
from xmc.schema import Chunk, Event, ProviderError, Response, Task, WireReply

FOLDER = Path(__file__).parent / "samples"
OWN_FORM = {"ai21labs", "amazon-bedrock", "anthropic", "cohere", "google-cloud-vertex-ai"}
"""Folders of upstreams that do not speak OpenAI's form; the lists below are of those that do."""


def found(pattern: str, *folders: str) -> list[str]:
    """Return the samples of these folders; without any, of all upstreams that speak OpenAI's form."""
    names = sorted(path.relative_to(FOLDER) for path in FOLDER.rglob(pattern))
    return [str(name) for name in names if (name.parts[0] in folders if folders else name.parts[0] not in OWN_FORM)]


STREAMS = found("*.sse")
RESPONSES = [name for name in found("*.response.json") if "/token-" not in name]  # those are of a sign-in service
REQUESTS = found("*.request.json")


def read(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def load(name: str) -> Any:
    return json.loads(read(name))


def task_of(name: str) -> Task:
    kind = Path(name).name.partition("-")[0]
    return {"completions": Task.COMPLETIONS, "embeddings": Task.EMBEDDINGS}.get(kind, Task.CHAT)


def events_of(data: bytes) -> list[Event]:
    reader = SseReader()
    return [*reader.feed(data), *reader.finish()]


def replay(case: Case, data: bytes, *, task: Task = Task.CHAT, n: int = 1) -> list[Chunk | ProviderError]:
    """Decode a stream; after an error the host stops feeding, and so does this."""
    exchange = case.exchange(task, {**MINIMAL[task], "stream": True, "n": n})
    assert exchange.decoder is not None
    decoder = exchange.decoder()
    items: list[Chunk | ProviderError] = []
    for event in events_of(data):
        items += decoder.feed(event)
        if items and isinstance(items[-1], ProviderError):
            return items
    return [*items, *decoder.finish()]


def chunks_of(case: Case, data: bytes, *, task: Task = Task.CHAT, n: int = 1) -> list[Chunk]:
    items = replay(case, data, task=task, n=n)
    chunks = [item for item in items if isinstance(item, dict)]
    assert len(chunks) == len(items), items[-1]
    return chunks


def answer(
    case: Case, body: bytes | dict[str, Any], *, task: Task = Task.CHAT, status: int = 200, **request: Any
) -> Response | ProviderError:
    """Decode a whole answer to a minimal request."""
    exchange = case.exchange(task, {"messages": [], "prompt": "p", "input": "i", **request})
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return exchange.decode([WireReply(status, {}, data)])


def sse(*payloads: Any) -> bytes:
    """Write JSON payloads (or text, as it is) as events."""
    texts = (payload if isinstance(payload, str) else json.dumps(payload) for payload in payloads)
    return "".join(f"data: {text}\n\n" for text in texts).encode()
