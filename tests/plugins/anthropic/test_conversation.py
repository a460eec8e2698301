"""From messages to turns, and all that clients and other providers leave in a history."""

from typing import Any

import pytest
from tests.plugins.anthropic.asking import HELLO, dropped, refused, sent, turns

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA", "detail": "high"}}
MARK = {"type": "ephemeral"}


def said(role: str, content: Any = None, **rest: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **rest}


def call(call_id: str, name: str = "f", arguments: Any = "{}", **rest: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **rest}


def asked(*calls: dict[str, Any], **rest: Any) -> list[dict[str, Any]]:
    return [said("user", "go"), said("assistant", None, tool_calls=list(calls), **rest)]


def test_system_messages_are_collected_in_order_from_everywhere() -> None:
    body = sent([
        said("system", "one"),
        said("user", "hej"),
        said("developer", [{"type": "text", "text": "two", "cache_control": MARK}, {"type": "text", "text": " "}]),
        said("system", ""),
        said("user", "again"),
    ])  # fmt: skip
    assert body["system"] == [
        {"type": "text", "text": "one"}, {"type": "text", "text": "two", "cache_control": MARK},
    ]  # fmt: skip
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "hej"}, {"type": "text", "text": "again"}]}
    ]


def test_nothing_to_answer_is_refused() -> None:
    for messages in ([], [said("system", "x")], [said("user", " \n")], [said("user", [])]):
        assert refused(messages) == "messages"


def test_an_assistant_does_not_begin_and_does_not_end_in_white_space() -> None:
    assert turns(said("assistant", "so: \n")) == [
        {"role": "user", "content": "."}, {"role": "assistant", "content": "so:"},
    ]  # fmt: skip


def test_all_results_of_a_turn_stand_in_one_user_turn_before_its_text() -> None:
    history = [
        *asked(call("a"), call("b"), call("c")),
        said("tool", "1", tool_call_id="a"),
        said("user", "and?"),
        said("tool", [{"type": "text", "text": "2"}, IMAGE], tool_call_id="c"),
        said("tool", "", tool_call_id="b", is_error=True, cache_control=MARK),
    ]
    assert turns(*history)[-1] == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": "1"},
            {
                "type": "tool_result",
                "tool_use_id": "c",
                "content": [
                    {"type": "text", "text": "2"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}},
                ],
            },
            {"type": "tool_result", "tool_use_id": "b", "is_error": True, "cache_control": MARK},
            {"type": "text", "text": "and?"},
        ],
    }


def test_a_second_result_of_a_call_is_dropped_and_said() -> None:
    history = [*asked(call("a")), said("tool", "1", tool_call_id="a"), said("tool", "2", tool_call_id="a")]
    assert turns(*history)[-1]["content"] == [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]
    assert dropped(history) == ("messages[3]",)


@pytest.mark.parametrize(
    "history",
    [
        [said("user", "x"), said("tool", "1", tool_call_id="a")],
        [*asked(call("a")), said("tool", "1", tool_call_id="b")],
        [
            *asked(call("a")),
            said("tool", "1", tool_call_id="a"),
            *asked(call("b")),
            said("tool", "1", tool_call_id="a"),
        ],
    ],
)
def test_a_result_without_its_call_is_refused(history: list[dict[str, Any]]) -> None:
    assert refused(history) == f"messages[{len(history) - 1}].tool_call_id"


@pytest.mark.parametrize("arguments", ["", " ", None, "{}", {}])
def test_no_arguments_are_an_empty_object(arguments: Any) -> None:
    assert turns(*asked(call("a", arguments=arguments)))[-1]["content"][0]["input"] == {}


@pytest.mark.parametrize("arguments", ["{", "[]", "1", 7, ["x"]])
def test_arguments_that_are_no_object_are_refused(arguments: Any) -> None:
    assert refused(asked(call("a", arguments=arguments))) == "messages[1].tool_calls[0].function.arguments"


def test_arguments_keep_large_numbers() -> None:
    body = sent(asked(call("a", arguments='{"n": 123456789012345678901234567890, "x": 0.1}')))
    assert body["messages"][-1]["content"][0]["input"] == {"n": 123456789012345678901234567890, "x": 0.1}


def test_ids_and_names_of_others_are_rewritten_alike() -> None:
    history = [
        *asked(call("functions.f:0", "maps.find"), call("functions.f_0", "maps_find")),
        said("tool", "1", tool_call_id="functions.f:0"),
        said("tool", "2", tool_call_id="functions.f_0"),
    ]
    _, calls, results = turns(*history)
    ids = [block["id"] for block in calls["content"]]
    assert ids == [block["tool_use_id"] for block in results["content"]]
    assert ids[0].startswith("functions_f_0_")
    assert ids[1] != ids[0]
    assert len({block["name"] for block in calls["content"]}) == 2


def test_thinking_comes_back_first_and_unchanged() -> None:
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "d"}]
    numbered = [{"index": i, **block} for i, block in enumerate(blocks)]
    for given in (blocks, numbered):
        turn = turns(*asked(call("a"), thinking_blocks=given, reasoning_content="hm"))[-1]
        assert turn["content"] == [*blocks, {"type": "tool_use", "id": "a", "name": "f", "input": {}}]
    assert dropped(asked(call("a"), reasoning_content="hm")) == ("messages.reasoning_content",)
    assert refused(asked(call("a"), thinking_blocks=[{"type": "text"}])) == "messages[1].thinking_blocks[0].type"


def test_a_toolset_goes_with_its_call_and_its_result() -> None:
    history = [*asked(call("a", "left_click", toolset_name="computer")), said("tool", "ok", tool_call_id="a")]
    _, calls, results = turns(*history)
    assert calls["content"][0]["toolset_name"] == results["content"][0]["toolset_name"] == "computer"


def test_a_cache_mark_of_a_message_is_its_last_blocks() -> None:
    (turn,) = turns(said("user", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], cache_control=MARK))
    assert turn["content"] == [
        {"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": MARK},
    ]  # fmt: skip


def test_refusals_of_the_assistant_are_text() -> None:
    assert turns(*HELLO, said("assistant", None, refusal="No."))[-1]["content"] == "No."
    assert turns(*HELLO, said("assistant", [{"type": "refusal", "refusal": "No."}]))[-1]["content"] == "No."


def test_files_by_kind() -> None:
    def block(file: dict[str, Any]) -> Any:
        return turns(said("user", [{"type": "file", "file": file}]))[0]["content"][0]

    text = block({"file_data": "data:text/markdown;charset=utf-8;base64,w6U=", "filename": "a.md"})
    assert text == {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "å"},
        "title": "a.md",
    }
    assert block({"file_data": "data:image/png;base64,AA=="})["type"] == "image"
    assert block({"file_id": "file_1"}) == {"type": "document", "source": {"type": "file", "file_id": "file_1"}}


def test_blocks_of_anthropic_pass() -> None:
    document = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}, "context": "c"}
    assert turns(said("user", [document]))[0]["content"] == [document]


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "input_audio", "input_audio": {}}, "type"),
        ({"type": "tool_use", "id": "x"}, "type"),
        ({"type": ["text"]}, "type"),
        ({}, "type"),
        ({"type": "text", "text": 7}, "text"),
        ({"type": "image_url", "image_url": {"url": "ftp://x"}}, "image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA"}}, "image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png,AA"}}, "image_url.url"),
        ({"type": "file", "file": {"file_data": "data:application/zip;base64,AA"}}, "file.file_data"),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,!!"}}, "file.file_data"),
    ],
)
def test_parts_that_have_no_counterpart_are_refused_by_name(part: dict[str, Any], param: str) -> None:
    assert refused([said("user", [part])]) == f"messages[0].content[0].{param}"


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (said("function", "x", name="f"), "role"),
        (said("robot", "x"), "role"),
        (said("assistant", None, function_call={"name": "f"}), "function_call"),
        (said("assistant", None, audio={"id": "x"}), "audio"),
        (said("assistant", None, tool_calls=[{"id": "a", "type": "custom", "custom": {}}]), "tool_calls[0].type"),
        (said("assistant", None, tool_calls=[call("a", "")]), "tool_calls[0].function.name"),
        (said("system", [IMAGE]), "content[0].type"),
    ],
)
def test_messages_that_have_no_counterpart_are_refused_by_name(message: dict[str, Any], param: str) -> None:
    assert refused([*HELLO, message]) == f"messages[1].{param}"


def test_a_dropped_key_that_is_no_name_stays_out_of_the_header() -> None:
    text = {"type": "text", "text": "x", "a\r\nb: c": 1, "ö": 2}
    assert dropped([said("user", [text])]) == ("messages.content",)


def test_what_has_no_effect_is_said() -> None:
    text = {"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}
    assert dropped([said("user", [text, IMAGE], name="anna")]) == (
        "messages.name", "messages.content.prompt_cache_breakpoint", "messages.content.image_url.detail",
    )  # fmt: skip
