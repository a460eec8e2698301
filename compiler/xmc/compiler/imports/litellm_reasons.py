"""Why keys of a LiteLLM configuration are not carried over, and whether that matters.

Source: litellm 1.110.2, `proxy/proxy_server.py` (sections), `proxy/_types.py`, `router.py`, `types/router.py`.
"""

import re
from collections.abc import Iterable

from xmc.compiler.imports.ledger import Outcome

_NO_LIMIT = "no rate is limited in this version of xmc"
_NO_RETRY = "nothing is tried again in this version of xmc, and no entity is set aside after failures"
_NO_FALLBACK = "no other model is tried in this version of xmc when one fails"
_NO_BUDGET = "no spend is counted or limited in this version of xmc"
_NO_PRICE = "no prices are kept in this version of xmc, so no spend is counted"
_NO_CACHE = "answers are not cached: each request is sent on, and paid"
_NO_GUARD = "no guardrail acts in this version of xmc: prompts and answers pass unchecked"
_NO_DEFAULT = "no request gets parameters or headers that its client did not send"
_NO_KEYS = (
    "keys, teams and users of LiteLLM are not known here: make tokens with `xmc token create`, list `principals:`"
)
_NO_CALLBACK = "requests are not sent on to logging services; xmc has an access log and metrics"
_NO_TAG = "the choice among entities goes by share only"
_NO_ALERT = "xmc sends no alerts; alert on its metrics"
_NO_PASS = "only chat, completions and embeddings of listed endpoints are served"
_NO_TOOL = "tools, agents, files and other APIs beside models are not served"
_NO_STORE = "where secrets are read from is said by `secrets:` of a spec"
_TLS = "TLS is always verified; authorities of your own are given by `xmc serve --ca-bundle`"
_SHOWN = "describes the model for people and price lists"
_OWN_LOG = "how LiteLLM writes its own log"
_OWN_STATE = "where LiteLLM keeps its own state"
_UI = "LiteLLM's own pages and documentation"
_L, _N = Outcome.LOST, Outcome.NO_EFFECT

Rule = tuple[re.Pattern[str], str, Outcome]


def _rules(*rows: tuple[str, str, Outcome]) -> tuple[Rule, ...]:
    return tuple((re.compile(pattern), reason, outcome) for pattern, reason, outcome in rows)


def reason_for(rules: Iterable[Rule], key: str) -> tuple[str, Outcome] | None:
    """Return why a key is not carried over: the first rule whose pattern is the whole key."""
    return next(((reason, outcome) for pattern, reason, outcome in rules if pattern.fullmatch(key)), None)


PARAMS = _rules(
    (r"(rpm|tpm|rpd|tpd|itpm|otpm|daily_reset_time|max_parallel_requests|default_api_key_(rpm|tpm)_limit)", _NO_LIMIT, _L),
    (r"(max_retries|num_retries|cooldown_time)", _NO_RETRY, _L),
    (r"(fallbacks|context_window_fallback_dict|order|model_list)", _NO_FALLBACK, _L),
    (r"(max_budget|budget_duration)", _NO_BUDGET, _L),
    (r".*cost_per_.*|.*_cost|custom_pricing", _NO_PRICE, _L),
    (r"(tags|tag_regex)", _NO_TAG, _L),
    (r"(stream_timeout|.*timeout_by_service_tier)", "streams have no time-out of their own here: see serving.timeouts", _L),
    (r"timeout", "not a number of seconds from 0.001 to 86400", _L),
    (r"(drop_params|additional_drop_params|allowed_openai_params|modify_params)", "what a provider does not know is "
     "refused by name, and hints are dropped and listed in x-xmc-dropped: see docs/providers.md", _L),
    (r"(temperature|top_p|top_k|max_tokens|max_completion_tokens|seed|stop|n|user|presence_penalty|frequency_penalty|"
     r"response_format|reasoning_effort|thinking|tools|tool_choice|stream_options|logit_bias|system|dimensions|"
     r"extra_headers|headers|extra_body|extra_query|metadata|service_tier|encoding_format|input_type|"
     r"cache_control_injection_points|prompt_id|prompt_variables|litellm_system_prompt)", _NO_DEFAULT, _L),
    (r"configurable_clientside_auth_params|use_in_pass_through", "clients cannot choose the upstream's key or URL here", _L),
    (r"(guardrails|guardrail)", _NO_GUARD, _L),
    (r"caching|cache", _NO_CACHE, _L),
    (r"ssl_verify|ssl_certificate|ssl_.*", _TLS, _L),
    (r"weight", "the only entity of an endpoint gets all of its traffic", _N),
    (r"use_litellm_proxy", "an api_base says where requests go", _N),
    (r"merge_reasoning_content_in_choices", "reasoning stays in `reasoning_content` here", _L),
    (r"(api_version|organization|region_name|api_type)", "the upstream is called without it here", _L),
    (r"(vertex_|aws_|azure_).*|tenant_id|client_id|client_secret", "another way to authenticate is used", _L),
    (r"(api_key|api_base|base_url)", "it is not what this provider is called with here", _L),
)  # fmt: skip
"""Keys of `litellm_params` that stay behind when the entry is carried over."""

MODEL_INFO = _rules(
    (r"(access_groups|team_id|team_public_model_name|access_windows|access_via_team_ids|blocked)", _NO_KEYS, _L),
    (r".*cost_per_.*|.*_cost|pricing_provider", _NO_PRICE, _L),
    (r"enforce_supported_endpoints", _NO_PASS, _L),
    (r"(health_check_.*|disable_background_health_check)", "xmc does not call models to see whether they answer", _N),
    (r"guardrails", _NO_GUARD, _L),
    (r"(id|base_model|mode|litellm_provider|max_.*tokens|supports_.*|supported_.*|description|version|tier|metadata|"
     r"db_model|discoverable|created_.*|updated_.*|output_vector_size|key|tokenizer|custom_tokenizer|source)", _SHOWN, _N),
)  # fmt: skip

ROUTER = _rules(
    (r"(num_retries|max_retries|retry_after|retry_policy|model_group_retry_policy|allowed_fails|allowed_fails_policy|"
     r"cooldown_time|disable_cooldowns)", _NO_RETRY, _L),
    (r"(default_|context_window_|content_policy_)?fallbacks|max_fallbacks|fallback_on_unsupported_params", _NO_FALLBACK, _L),
    (r"(routing_strategy|routing_strategy_args|routing_groups|weights|enable_weighted_failover|.*affinity.*)", _NO_TAG, _L),
    (r"(enable_tag_filtering|tag_filtering_.*|tag_routing_prefix|ignore_invalid_deployments)", _NO_TAG, _L),
    (r"(enable_pre_call_checks|optional_pre_call_checks|default_max_parallel_requests|default_priority|polling_interval|"
     r"deployment_affinity_ttl_seconds)", "nothing but size, task and parameters of a request is checked before it is sent", _L),
    (r"(cache_responses|caching_groups|client_ttl|cache_kwargs)", _NO_CACHE, _L),
    (r"(redis_.*|coordination_redis)", _OWN_STATE, _N),
    (r"(set_verbose|debug_level)", _OWN_LOG, _N),
    (r"(default_litellm_params)", _NO_DEFAULT, _L),
    (r"(provider_budget_config|model_group_budget.*)", _NO_BUDGET, _L),
    (r"(alerting_config)", _NO_ALERT, _L),
    (r"(stream_timeout)", "streams have no time-out of their own here: see serving.timeouts", _L),
    (r"(timeout)", "not a number of seconds from 0.001 to 86400", _L),
    (r"model_group_alias", "left out: it names no model that was carried over", _L),
    (r"(assistants_config|search_tools|guardrail_list)", _NO_TOOL, _L),
)  # fmt: skip

LITELLM = _rules(
    (r"(num_retries|allowed_fails|cooldown_time|retry_policy|num_retries_per_request|context_window_retries)", _NO_RETRY, _L),
    (r"(default_|context_window_|content_policy_|model_)?fallbacks", _NO_FALLBACK, _L),
    (r"(callbacks|.*_callbacks?|langfuse_.*|s3_callback_params|datadog_.*|.*_logger_.*|custom_provider_map)", _NO_CALLBACK, _L),
    (r"(cache|cache_params|caching.*|default_redis_.*|default_in_memory_ttl|enable_caching_.*)", _NO_CACHE, _L),
    (r".*(budget|spend|cost).*", _NO_BUDGET, _L),
    (r"(guardrails|guardrail_.*|presidio_.*|llamaguard_.*|.*moderation.*|banned_keywords_list|blocked_user_list|"
     r"llm_guard_mode|pre_call_rules|post_call_rules|skip_.*_in_guardrail)", _NO_GUARD, _L),
    (r"(default_key_.*|upperbound_key_.*|key_.*|default_internal_user_params|default_team_.*|max_internal_.*|"
     r"internal_user_.*|default_user_params|max_end_user_.*|.*access_groups?.*|public_model_groups.*)", _NO_KEYS, _L),
    (r"(drop_params|modify_params|add_function_to_prompt)", "what a provider does not know is refused by name, and hints "
     "are dropped and listed in x-xmc-dropped: see docs/providers.md", _L),
    (r"(set_verbose|json_logs|suppress_debug_info|debug|log_.*|turn_off_message_logging|redact_.*|telemetry|"
     r"standard_logging_payload_.*|disable_streaming_logging|store_audit_logs|error_logs)", _OWN_LOG, _N),
    (r"(ssl_.*|aiohttp_trust_env|force_ipv4)", _TLS, _L),
    (r"(request_timeout)", "not a number of seconds from 0.001 to 86400", _L),
    (r"(model_group_settings|forward_.*|add_user_information_to_llm_headers|return_response_headers)",
     "headers of clients go on as each provider's page says, and no others", _L),
    (r"(priority_reservation.*|max_parallel_requests|tag_rate_limit.*)", _NO_LIMIT, _L),
    (r"(prometheus_.*|custom_prometheus_.*|service_callback|enable_end_user_cost_tracking_prometheus_only|"
     r"require_auth_for_metrics_endpoint)", "xmc's metrics are what docs/observability.md says", _N),
    (r"(model_alias_map)", "a request names an endpoint, and there is no second name for it", _L),
    (r"(mcp_.*|vector_store_.*|responses|.*prompt.*)", _NO_TOOL, _L),
    (r"(.*_key|api_key|.*_api_base)", "each served entity has a key and a URL of its own", _L),
)  # fmt: skip

GENERAL = _rules(
    (r"(master_key|dangerously_permit_.*|custom_auth.*|enable_jwt_auth|litellm_jwtauth|enable_oauth2_.*|oauth2_.*|"
     r"user_header_.*|custom_key_generate|custom_sso|custom_ui_sso.*|default_team_disabled|default_user_params|"
     r"litellm_key_header_name|.*access_default_deny|enforce_user_param|reject_clientside_metadata_tags|user_api_key_cache.*|"
     r"key_generation_settings|allow_user_auth|.*_rbac|.*rbac_.*|allow_client_side_credentials)", _NO_KEYS, _L),
    (r"(allowed_ips|allowed_routes|public_routes|admin_only_routes|use_x_forwarded_for|trusted_proxy_ranges|"
     r"disable_admin_.*|block_robots|max_failed_login_.*|failed_login_.*)", "callers are told apart by token only", _L),
    (r"database_.*|store_model_in_db|supported_db_objects|proxy_batch_.*|allow_requests_on_db_unavailable|"
     r"disable_reset_budget|disable_prisma_.*", "keys, teams, budgets and models that are kept in LiteLLM's database are "
     "not in this file, and do not come over", _L),
    (r"(max_parallel_requests|global_max_parallel_requests|.*_in_flight_.*|max_queued_.*|admission_queue_.*|"
     r"fail_closed_rate_limit.*)", _NO_LIMIT, _L),
    (r"(max_response_size_mb|max_request_size_mb)", "not a size that can be set here", _L),
    (r".*(budget|spend).*", _NO_BUDGET, _L),
    (r"(alerting|alert_.*|alerting_.*)", _NO_ALERT, _L),
    (r"(key_management_.*|use_google_kms|use_azure_key_vault|use_aws_kms|google_kms_key)", _NO_STORE, _L),
    (r"(pass_through_.*|enable_openai_websocket_.*|completion_model|infer_model_from_keys|.*batch_file.*|"
     r".*file_.*|transcribe_.*)", _NO_PASS, _L),
    (r"(forward_.*)", "headers of clients go on as each provider's page says, and no others", _L),
    (r"(health_check_.*|background_health_.*|.*healthy_only|use_shared_health_check)", "xmc does not call models to see "
     "whether they answer", _N),
    (r"(ui_.*|enable_public_model_hub|custom_swagger.*|docs_.*|disable_.*login.*|password_policy_.*|proxy_config_.*|"
     r"return_wildcard_routes|store_prompts_.*|disable_error_logs|control_plane_url)", _UI, _N),
    (r"(mcp_.*|vector_store_.*|search_tool_.*|agent_.*|plugins|skill_scanner|enable_claude_code_.*|claude_code_.*)", _NO_TOOL, _L),
    (r"(otel|otel_.*)", _NO_CALLBACK, _L),
    (r"(coordination_redis|redis_.*)", _OWN_STATE, _N),
    (r"(user_url_.*|provider_url_.*)", "no host is blocked in this version of xmc; use the network's own rules", _L),
    (r"(enforce_fallback_.*|disable_fallbacks_.*)", _NO_FALLBACK, _L),
    (r"(cancel_on_disconnect)", "an upstream call ends with its client here", _N),
)  # fmt: skip

SECTIONS = {
    "guardrails": (_NO_GUARD, _L),
    "policies": (_NO_GUARD, _L),
    "policy_attachments": (_NO_GUARD, _L),
    "callback_settings": (_NO_CALLBACK, _L),
    "mcp_servers": (_NO_TOOL, _L),
    "mcp_tools": (_NO_TOOL, _L),
    "search_tools": (_NO_TOOL, _L),
    "sandbox_tools": (_NO_TOOL, _L),
    "vector_store_registry": (_NO_TOOL, _L),
    "agents": (_NO_TOOL, _L),
    "agent_list": (_NO_TOOL, _L),
    "assistant_settings": (_NO_TOOL, _L),
    "files_settings": (_NO_TOOL, _L),
    "finetune_settings": (_NO_TOOL, _L),
    "prompts": ("prompts are kept by those who send them", _L),
    "pass_through_endpoints": (_NO_PASS, _L),
    "default_vertex_config": (_NO_PASS, _L),
    "plugins": (_NO_TOOL, _L),
    "worker_registry": (_UI, _N),
    "include": ("another file, which is not read: import it as well", _L),
    "credential_list": ("no model that was carried over uses it", _N),
    "environment_variables": ("no part of the spec reads it", _N),
}
"""Top-level sections that stay behind as a whole, or what is left of them."""

PROCESS_VARIABLE = re.compile(
    r"(HTTPS?_PROXY|NO_PROXY|ALL_PROXY|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE)", re.IGNORECASE
)
PROCESS = "set it in the environment of `xmc serve`, which reads HTTPS_PROXY, HTTP_PROXY, NO_PROXY and SSL_CERT_FILE"
PROMETHEUS = "xmc serves /metrics always"
SAME_STRATEGY = "traffic is split by shares here too, and each request's id decides"
