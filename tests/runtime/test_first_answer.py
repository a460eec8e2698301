"""One request through everything: real sockets on both sides."""

from tests.gateways import ASK, CANARY, CHAT, endpoint, running, table, target
from tests.upstreams import END, json_answer, piece, scripted, sse, stream_head

CHUNKS = [
    {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": 0, "delta": {"role": "assistant", "content": "he"}, "finish_reason": None}]},
    {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": 0, "delta": {"content": "llo"}, "finish_reason": None}]},
    {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": 0, "delta": {}, "finish_reason": "stop"}]},
]  # fmt: skip


async def test_a_chat_question_is_answered_on_the_rest_path() -> None:
    async with (
        scripted([json_answer(CHAT)]) as upstream,
        running(table(endpoint("chat", target(upstream.url)))) as gw,
        gw.client() as client,
        client.post("/serving-endpoints/chat/invocations", json=ASK) as reply,
    ):
        assert (reply.status, await reply.json()) == (200, CHAT)
        assert reply.headers["served-model-name"] == "e0"
    (seen,) = upstream.requests
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["authorization"] == f"Bearer {CANARY}"
    assert seen.json() == {**ASK, "model": "m"}
    (record,) = gw.records
    assert (record.outcome, record.status, record.entity, record.completion_tokens) == ("ok", 200, "e0", 2)


async def test_a_chat_question_is_streamed_on_the_openai_path() -> None:
    script = [stream_head(), piece(sse(*CHUNKS)), piece(sse("[DONE]")), END]
    body = {**ASK, "model": "chat", "stream": True}
    async with (
        scripted(script) as upstream,
        running(table(endpoint("chat", target(upstream.url)))) as gw,
        gw.client() as client,
        client.post("/serving-endpoints/chat/completions", json=body) as reply,
    ):
        assert reply.status == 200
        assert reply.content_type == "text/event-stream"
        text = await reply.text()
    assert text.count("data: {") == 3
    assert text.endswith("data: [DONE]\n\n")
    assert gw.records[0].streamed
