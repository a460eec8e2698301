"""Answers of APIs that are gone, or not spoken, are errors in words and never half an answer.

Their samples are replayed through the adapters that took their place: a proxy, or a base that leads to the wrong API,
may still bring them.
"""

import pytest
from tests.plugins.recorded import read
from tests.providers import CASES, MINIMAL

from xmc.plugins import FramingError
from xmc.schema import ProviderError, Task, WireReply

WHOLE = {
    "ai21labs": [("completions-j2", Task.COMPLETIONS)],
    "cohere": [("chat-v1-basic", Task.CHAT), ("completions-generate", Task.COMPLETIONS)],
    "amazon-bedrock": [
        *((f"chat-invoke-{name}", Task.CHAT) for name in ("anthropic", "cohere-command-r", "jamba")),
        *(
            (f"completions-invoke-{name}", Task.COMPLETIONS)
            for name in ("claude-legacy", "cohere-command", "j2", "titan")
        ),
    ],
    "google-cloud-vertex-ai": [("chat-chat-bison", Task.CHAT), ("completions-text-bison", Task.COMPLETIONS)],
}
STREAMS = {
    "cohere": [("chat-v1-stream.ndjson", Task.CHAT), ("completions-generate-stream.ndjson", Task.COMPLETIONS)],
    "amazon-bedrock": [
        ("chat-invoke-anthropic.response.eventstream", Task.CHAT),
        ("chat-invoke-exception.response.eventstream", Task.CHAT),
        ("completions-invoke-claude-legacy.response.eventstream", Task.COMPLETIONS),
        ("completions-invoke-titan.response.eventstream", Task.COMPLETIONS),
    ],
}


@pytest.mark.parametrize(
    ("provider", "name", "task"),
    [(provider, name, task) for provider, samples in WHOLE.items() for name, task in samples],
)
def test_a_whole_answer_of_another_api_is_an_error(provider: str, name: str, task: Task) -> None:
    reply = WireReply(200, {"content-type": "application/json"}, read(f"{provider}/{name}.response.json"))
    found = CASES[provider].exchange(task, MINIMAL[task]).decode([reply])
    assert isinstance(found, ProviderError), found
    assert found.message


@pytest.mark.parametrize(
    ("provider", "name", "task"),
    [(provider, name, task) for provider, samples in STREAMS.items() for name, task in samples],
)
def test_a_stream_of_another_api_does_not_end_well(provider: str, name: str, task: Task) -> None:
    case = CASES[provider]
    exchange = case.exchange(task, {**MINIMAL[task], "stream": True})
    assert exchange.decoder is not None
    reader, decoder = case.reader(), exchange.decoder()
    try:
        events = [*reader.feed(read(f"{provider}/{name}")), *reader.finish()]
    except FramingError as error:
        # What the host makes of it.
        items: list[object] = [ProviderError(0, str(error), garbled=True)]
    else:
        items = [*(item for event in events for item in decoder.feed(event)), *decoder.finish()]
    assert any(isinstance(item, ProviderError) for item in items), items


def test_a_nova_answer_has_the_form_of_converse_in_either_api() -> None:
    reply = WireReply(200, {}, read("amazon-bedrock/chat-invoke-nova.response.json"))
    found = CASES["amazon-bedrock"].exchange(Task.CHAT, MINIMAL[Task.CHAT]).decode([reply])
    assert not isinstance(found, ProviderError), found
