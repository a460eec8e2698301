"""The edge cases that are known from the wild, by number, and the tests that prove each.

A number is also the beginning of a test's name, `test_NN_…`, where the test is about that case alone. The numbers of
the two tables are each their own: FAMILY is about OpenAI's form, Azure, Databricks, `custom`, Cohere and AI21; MESSAGES
about Anthropic, Bedrock and Vertex AI, whose own forms are not OpenAI's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

EDGES = "tests/plugins/test_edge_cases.py"
STREAMS = "tests/faults/test_streams.py"
RELAY = "tests/runtime/test_relay.py"
LEAVING = "tests/faults/test_leaving.py"
AZURE = "tests/plugins/azure/test_gateway.py"
COHERE = "tests/plugins/cohere/test_gateway.py"
DATABRICKS = "tests/plugins/databricks/test_gateway.py"
TALK = "tests/plugins/anthropic/test_conversation.py"
CLAUDE = "tests/plugins/anthropic/test_stream.py"
ASK = "tests/plugins/anthropic/test_request.py"
BEDROCK = "tests/plugins/amazon_bedrock/test_gateway.py"
FRAMES = "tests/plugins/aws/test_event_stream.py"
VERTEX = "tests/plugins/google_cloud_vertex_ai"


@dataclass(frozen=True)
class Row:
    """One case: what is met, what comes of it, and `FILE::FUNCTION` of the tests that show it."""

    met: str
    comes_to: str
    shown: tuple[str, ...]


FAMILY: Mapping[int, Row] = {
    1: Row("a chunk of usage without choices", "usage is taken; passed on only if asked for", (
        f"{EDGES}::test_01_the_chunk_of_usage_has_no_choices",
        f"{RELAY}::test_the_usage_chunk_is_withheld_unless_asked_for_and_counted_either_way")),
    2: Row("usage in the last chunk of content", "a chunk of its own", (
        f"{EDGES}::test_02_usage_beside_content_gets_a_chunk_of_its_own",
        f"{RELAY}::test_usage_beside_choices_gets_its_own_chunk",
        "tests/plugins/ai21labs/test_samples.py::test_a_stream_has_its_usage_in_a_chunk_of_its_own")),
    3: Row("usage that the client did not ask for", "asked for, and withheld", (
        f"{EDGES}::test_03_streams_are_asked_for_usage_whatever_the_client_said",
        f"{RELAY}::test_the_usage_chunk_is_withheld_unless_asked_for_and_counted_either_way",
        f"{DATABRICKS}::test_usage_of_a_stream_comes_once_and_only_if_asked_for")),
    4: Row("a first chunk without choices (Azure)", "left out; the role is not lost", (
        f"{EDGES}::test_04_a_first_chunk_without_choices_is_dropped_and_the_role_is_not",
        f"{AZURE}::test_a_stream_comes_without_azures_oddities")),
    5: Row("a choice without delta after the finish (Azure)", "left out", (
        f"{EDGES}::test_05_a_choice_without_delta_after_the_finish_is_dropped",
        f"{AZURE}::test_a_stream_comes_without_azures_oddities")),
    6: Row("a role that is missing, or in every chunk", "once", (
        f"{EDGES}::test_06_the_role_comes_once_whether_it_was_missing_or_repeated",)),
    7: Row("a finish reason that is missing, null or empty", "always there, null until the end", (
        f"{EDGES}::test_07_the_finish_reason_is_always_there_and_null_until_the_end",)),
    8: Row("a stream without finish or `[DONE]`", "an error, unless all choices are finished", (
        f"{EDGES}::test_08_a_stream_that_ends_before_its_finish_is_an_error_and_done_is_not_needed",
        f"{STREAMS}::test_a_stream_that_ends_without_done_but_properly_is_whole")),
    9: Row("an error in the first event of a 200", "a status, and no 200", (
        f"{EDGES}::test_09_an_error_in_the_first_event",
        f"{STREAMS}::test_a_failure_before_the_first_event_has_its_status")),
    10: Row("an error in the middle, also beside empty choices", "one error event", (
        f"{EDGES}::test_10_an_error_in_the_middle_even_beside_empty_choices",)),
    11: Row("a connection that breaks in the middle", "one error event, and a cut", (
        f"{STREAMS}::test_a_stream_that_fails_says_so_once_and_is_cut",)),
    12: Row("a 4xx in JSON where a stream was wanted", "that status in JSON", (
        f"{EDGES}::test_12_an_error_status_for_a_stream_is_read_as_a_whole_answer",)),
    13: Row("calls that are counted from 1", "from 0", (f"{EDGES}::test_13_calls_are_counted_from_zero",)),
    14: Row("two calls of one index", "a new id is a new call", (
        f"{EDGES}::test_14_a_new_id_is_a_new_call_whatever_its_index",)),
    15: Row("ids and names in later chunks", "once", (f"{EDGES}::test_15_id_and_name_come_once",)),
    16: Row("a call without an id", "a stable one", (f"{EDGES}::test_16_a_call_without_an_id_gets_a_stable_one",)),
    17: Row("a call without arguments", "`{}`", (
        f"{EDGES}::test_17_a_call_without_arguments_has_empty_ones",
        "tests/plugins/cohere/test_samples.py::test_17_a_stream_of_calls_of_which_one_has_no_arguments")),
    18: Row("finish `stop` after calls", "`tool_calls`", (
        f"{EDGES}::test_18_finish_is_tool_calls_where_calls_were_made",)),
    19: Row("finish reasons of others", "translated, whole and streamed", (
        f"{EDGES}::test_19_foreign_finish_reasons_are_translated_in_both_paths",
        "tests/plugins/cohere/test_samples.py::test_19_calls_have_their_plan_and_no_content")),
    20: Row("content null beside calls", "null, both ways", (f"{EDGES}::test_20_content_beside_calls_is_null",)),
    21: Row("unknown keys in the history (Cohere)", "left out", (
        f"{COHERE}::test_22_text_beside_calls_becomes_the_plan",)),
    22: Row("text beside calls in the history (Cohere)", "the plan", (
        f"{COHERE}::test_22_text_beside_calls_becomes_the_plan",)),
    23: Row("system messages in the middle (Cohere)", "stay there", (
        f"{COHERE}::test_23_system_messages_stay_where_they_are",)),
    24: Row("a character over two reads", "whole", (f"{EDGES}::test_24_to_27_framing_does_not_matter",)),
    25: Row("CRLF, CR, lines without space, several data lines", "read", (
        f"{EDGES}::test_24_to_27_framing_does_not_matter",
        "tests/plugins/test_sse.py::test_the_rules_of_the_standard_and_ours",
        "tests/plugins/test_sse.py::test_framing_samples_hold_the_same_json")),
    26: Row("comments that keep a stream alive", "ignored", (f"{EDGES}::test_24_to_27_framing_does_not_matter",)),
    27: Row("empty data, `retry:` and `id:`", "swallowed", (f"{EDGES}::test_24_to_27_framing_does_not_matter",)),
    28: Row("an event of a megabyte", "passes", (
        f"{EDGES}::test_28_an_event_of_a_megabyte_passes", f"{STREAMS}::test_a_large_event_passes")),
    29: Row("streams of Cohere's version 1, lines of JSON", "not spoken: a base that leads there is an error", (
        "tests/plugins/cohere/test_link.py::test_bases_that_lead_to_what_is_gone",)),
    30: Row("chunks of completions have `text`", "kept", (
        f"{EDGES}::test_30_a_completions_stream_has_text_and_keeps_its_object",)),
    31: Row("base64 is asked for and floats come", "base64", (
        f"{EDGES}::test_31_embeddings_come_in_the_encoding_that_was_asked_for",
        "tests/plugins/cohere/test_samples.py::test_31_embeddings_in_the_encoding_that_was_asked_for")),
    32: Row("`embedding_types` and `input_type` (Cohere)", "always sent, the first as a list", (
        "tests/plugins/cohere/test_simulator.py::test_32_our_embedding_is_the_sample_and_that_of_coheres_client",)),
    33: Row("97 texts (Cohere)", "two calls, in order", (
        f"{COHERE}::test_33_ninety_seven_texts_are_two_calls_in_their_order",)),
    34: Row("`model` on `/invocations` (Databricks)", "not sent", (
        "tests/plugins/databricks/test_simulator.py::test_34_our_call_is_that_of_databricks_sdk",
        f"{DATABRICKS}::test_two_turns_with_parallel_calls")),
    35: Row("parts of content, role `human`, index 0 again, counts missing (Databricks)", "canonical", (
        f"{EDGES}::test_35_content_parts_foreign_roles_and_repeated_indexes",
        f"{DATABRICKS}::test_35_minimal_answers_are_made_canonical",
        f"{DATABRICKS}::test_35_parts_of_content_become_text_and_reasoning")),
    36: Row("errors as `error_code`, HTML, nothing, or no JSON", "OpenAI's error object", (
        f"{EDGES}::test_36_error_bodies_of_any_shape", f"{DATABRICKS}::test_36_errors_keep_their_words")),
    37: Row("a filtered prompt (Azure)", "400 that keeps `innererror`", (
        f"{EDGES}::test_37_a_content_filter_keeps_what_it_found",
        f"{AZURE}::test_37_a_filtered_prompt_says_what_the_filter_found")),
    38: Row("a base with slash, with the route, with a query", "composed by parts", (
        "tests/plugins/openai_family/test_url.py::test_38_compose",
        "tests/plugins/azure/test_link.py::test_38_bases_as_people_write_them",
        "tests/plugins/cohere/test_link.py::test_38_versions_in_the_base_mean_nothing")),
    39: Row("tokens of Entra ID: cold, refused, failing, odd secrets", "one call, one more, an outage, encoded", (
        f"{AZURE}::test_39_twenty_cold_requests_ask_for_one_token",
        f"{AZURE}::test_39_a_token_that_is_refused_is_replaced_once",
        f"{AZURE}::test_39_a_sign_in_service_that_is_down_is_an_outage_and_not_the_callers_fault",
        "tests/runtime/test_credentials.py::test_a_failed_refresh_is_tried_again_later_and_bothers_nobody",
        "tests/plugins/azure/test_simulator.py::test_our_form_is_that_of_microsofts_client")),
    40: Row("choices that interleave; logprobs null or absent", "a state for each", (
        f"{EDGES}::test_40_choices_interleave",
        f"{EDGES}::test_40_log_probabilities_stay_null_absent_or_whole")),
    41: Row("a client that leaves", "the upstream is closed within a second", (
        f"{LEAVING}::test_leaving_mid_stream_closes_the_upstream_within_a_second",)),
    42: Row("the key `obfuscation`", "passes", (f"{EDGES}::test_42_obfuscation_passes",)),
}  # fmt: skip

MESSAGES: Mapping[int, Row] = {
    1: Row("results of parallel calls", "one user turn, before its text", (
        f"{TALK}::test_all_results_of_a_turn_stand_in_one_user_turn_before_its_text",
        f"{VERTEX}/test_request.py::test_1_results_stand_alone_before_what_the_user_says")),
    2: Row("a second result of one call", "the first is kept, and that is said", (
        f"{TALK}::test_a_second_result_of_a_call_is_dropped_and_said",)),
    3: Row("a streamed call without arguments", "`{}`", (
        f"{CLAUDE}::test_arguments_are_never_empty_and_never_double",)),
    4: Row("`input: {}` at the start of a call", "not before the fragments", (
        f"{CLAUDE}::test_arguments_are_never_empty_and_never_double",)),
    5: Row("a history with empty arguments", "an empty object", (
        f"{TALK}::test_no_arguments_are_an_empty_object",)),
    6: Row("calls after text and thinking", "calls are counted, not blocks", (
        f"{CLAUDE}::test_a_call_counts_calls_and_not_blocks",)),
    7: Row("blank texts", "left out or refused", (
        f"{TALK}::test_nothing_to_answer_is_refused",
        f"{TALK}::test_an_assistant_does_not_begin_and_does_not_end_in_white_space")),
    8: Row("a parameter or turn that a model refuses", "the provider's own 400", (
        "tests/plugins/anthropic/test_gateway.py::test_a_parameter_that_the_model_refuses_is_the_providers_to_refuse",)),
    9: Row("`temperature` with `top_p`; models that refuse sampling", "told by the compiler, or dropped", (
        f"{ASK}::test_models_that_refuse_sampling",
        "tests/plugins/anthropic/test_link.py::test_models_that_refuse_are_a_warning_until_the_spec_says_what_to_do")),
    10: Row("the header `anthropic-version`", "pinned", (
        "tests/plugins/anthropic/test_sdk_parity.py::test_our_call_equals_the_official_clients",)),
    11: Row("usage in `message_delta`", "replaces what came before", (
        f"{CLAUDE}::test_usage_is_replaced_and_what_is_left_out_stays",)),
    12: Row("errors after a 200, in each framing", "one error event", (
        "tests/plugins/anthropic/test_gateway.py::test_a_stream_that_breaks_is_seen_to_break",
        f"{BEDROCK}::test_12_a_stream_that_breaks_is_seen_to_break",
        f"{VERTEX}/test_gateway.py::test_12_a_stream_that_breaks_is_seen_to_break")),
    13: Row("pings and what is unknown", "ignored", (
        "tests/plugins/anthropic/test_samples.py::test_streams",
        "tests/laws/test_anthropic_laws.py::test_any_nearly_right_event_gives_chunks_or_an_error")),
    14: Row("bytes cut anywhere, also in binary frames", "the same chunks", (
        "tests/laws/test_provider_laws.py::test_chunks_do_not_depend_on_how_the_bytes_were_split",
        f"{FRAMES}::test_14_a_stream_that_ends_within_a_message_is_an_error")),
    15: Row("checksums, headers and padding of frames", "verified, read, ignored", (
        f"{FRAMES}::test_15_no_single_bit_may_change", f"{FRAMES}::test_15_a_message_without_headers_is_an_event")),
    16: Row("an ARN as a model", "escaped and signed as it is sent", (
        f"{BEDROCK}::test_16_arns_and_keys_reach_the_service_as_they_were_signed",)),
    17: Row("ids of calls from others", "rewritten alike in call and result", (
        f"{TALK}::test_ids_and_names_of_others_are_rewritten_alike",
        "tests/laws/test_anthropic_laws.py::test_names_and_ids_fit_and_stay_apart")),
    18: Row("a history with calls and no tools (Converse)", "taken", (
        f"{BEDROCK}::test_18_a_history_with_calls_and_no_tools_is_taken",)),
    19: Row("functions without description or parameters", "taken", (
        f"{ASK}::test_functions", f"{VERTEX}/test_request.py::test_19_functions_without_parameters_have_no_schema")),
    20: Row("choices of tools, also `none`", "each in the provider's words", (f"{ASK}::test_choices",)),
    21: Row("metadata after the end, or none (Converse)", "usage, or none", (
        "tests/plugins/amazon_bedrock/test_samples.py::test_43_6_3_a_stream_with_reasoning_and_a_call_without_arguments",
        "tests/laws/test_provider_laws.py::test_a_stream_is_canonical_and_says_what_the_whole_answer_says")),
    22: Row("what is blocked (Gemini)", "`content_filter`", (
        f"{VERTEX}/test_samples.py::test_22_a_blocked_prompt_and_a_blocked_answer",
        f"{VERTEX}/test_gateway.py::test_22_what_is_blocked_ends_as_such")),
    23: Row("STOP after calls (Gemini)", "`tool_calls`", (
        f"{VERTEX}/test_samples.py::test_23_24_a_stream_with_calls_ends_as_one",)),
    24: Row("signatures of thoughts (Gemini)", "go with their calls and come back", (
        f"{VERTEX}/test_samples.py::test_24_25_28_an_answer_with_calls_and_thoughts",
        f"{VERTEX}/test_gateway.py::test_24_calls_of_another_model_pass_as_unsigned")),
    25: Row("ids of calls (Gemini)", "never sent, made unique", (
        f"{VERTEX}/test_samples.py::test_24_25_28_an_answer_with_calls_and_thoughts",)),
    26: Row("results that are text or lists (Gemini)", "objects", (
        f"{VERTEX}/test_request.py::test_26_results_become_objects",)),
    27: Row("thoughts and cumulative usage (Gemini)", "counted, and not summed", (
        f"{VERTEX}/test_samples.py::test_27_a_basic_answer_counts_thoughts_and_cache",
        f"{VERTEX}/test_samples.py::test_27_a_basic_stream_tells_its_usage_once")),
    28: Row("parts that are thoughts (Gemini)", "not in the content", (
        f"{VERTEX}/test_samples.py::test_24_25_28_an_answer_with_calls_and_thoughts",)),
    29: Row("errors as a list, no JSON, nothing, HTML", "an error with words", (
        f"{VERTEX}/test_samples.py::test_12_29_errors_in_a_list_and_in_a_stream",
        f"{VERTEX}/test_gateway.py::test_29_errors_keep_their_names",
        f"{CLAUDE}::test_errors_of_proxies")),
    30: Row("n texts (Gemini, `predict`)", "n vectors in order", (
        f"{VERTEX}/test_gateway.py::test_30_31_many_texts_are_embedded_in_order_and_their_tokens_added_up",
        f"{VERTEX}/test_gateway.py::test_251_texts_are_two_calls")),
    31: Row("base64 for every provider; tokens as input", "encoded; refused", (
        f"{BEDROCK}::test_31_many_texts_are_embedded_in_order_and_their_tokens_added_up",
        f"{BEDROCK}::test_31_inputs_that_mean_nothing_to_the_model_are_refused",
        f"{VERTEX}/test_gateway.py::test_31_inputs_that_mean_nothing_to_the_model_are_refused")),
    32: Row("betas that Vertex AI does not know", "a list of its own", (
        f"{VERTEX}/test_gateway.py::test_claude_takes_images_and_betas_and_names_old_versions",)),
    33: Row("schemas that Claude does not take", "rewritten as the official client does", (
        f"{ASK}::test_schemas_are_rewritten_as_the_official_client_does_it",)),
    34: Row("keys that ran out; wrong ones", "told apart; not tried again", (
        "tests/plugins/aws/test_chain.py::test_34_keys_that_ran_out_are_told_by_the_name_of_the_error",
        f"{BEDROCK}::test_34_a_wrong_key_names_the_entity_and_not_the_key")),
    35: Row("tokens of Google: many at once, failing, revoked", "one, told without a key, one more", (
        f"{VERTEX}/test_gateway.py::test_35_many_requests_share_one_token_and_a_revoked_one_is_replaced",
        f"{VERTEX}/test_gateway.py::test_35_a_refused_key_and_an_outage_are_told_apart_and_show_no_key")),
    36: Row("refusals and pauses (Claude)", "`content_filter` with its reason; `stop`", (
        "tests/plugins/anthropic/test_gateway.py::test_a_refusal",
        f"{CLAUDE}::test_finish_reasons_whole_and_streamed")),
    37: Row("system messages anywhere, in parts, by `developer`", "collected in order", (
        f"{TALK}::test_system_messages_are_collected_in_order_from_everywhere",)),
    38: Row("blank stops", "left out, and that is said", (f"{ASK}::test_sampling_stops_user_and_tier",)),
    39: Row("a client that leaves", "the upstream is closed", (
        f"{BEDROCK}::test_39_a_client_that_leaves_lets_the_service_go",
        f"{VERTEX}/test_gateway.py::test_39_a_client_that_leaves_lets_the_service_go")),
    40: Row("documents (Converse)", "names of their own, and text beside them", (
        f"{BEDROCK}::test_40_documents_have_names_of_their_own_and_text_beside_them",)),
    41: Row("`n: 2` (Anthropic, Bedrock)", "400", (
        f"{ASK}::test_what_would_change_the_meaning_is_refused_by_name",
        "tests/matrix/test_matrix.py::test_the_cell_is_true")),
    42: Row("computer use", "the right beta, and screenshots come back", (
        f"{ASK}::test_betas", f"{TALK}::test_blocks_of_anthropic_pass")),
    43: Row("reasoning without a start (Converse)", "read", (
        "tests/plugins/amazon_bedrock/test_samples.py::test_43_6_3_a_stream_with_reasoning_and_a_call_without_arguments",)),
    44: Row("keys in logs, errors, traces", "nowhere", (
        "tests/secrets/test_canary.py::test_no_key_leaves_the_gateway",
        "tests/conformance/test_shipped.py::test_conformance",
        "tests/faults/test_table.py::test_an_upstream_that_echoes_the_key_does_not_reach_the_client")),
}  # fmt: skip
