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
_NO_OTHER_PATH = "only chat, completions and embeddings of listed endpoints are served"
_NO_TOOL = "tools, agents, files and other APIs beside models are not served"
_NO_STORE = "where secrets are read from is said by `secrets:` of a spec"
_TLS = "TLS is always verified; authorities of your own are given by `xmc serve --ca-bundle`"
_SHOWN = "describes the model for people and price lists"
_OWN_LOG = "how LiteLLM writes its own log"
_OWN_STATE = "where LiteLLM keeps its own state"
_UI = "LiteLLM's own pages and documentation"
_NO_STREAM_TIME = "streams have no time-out of their own here: see serving.timeouts"
NOT_SECONDS = "not a number of seconds from 0.001 to 86400"
_NO_DROP = (
    "what a provider does not know is refused by name, and hints are dropped and listed in x-xmc-dropped:"
    " see docs/providers.md"
)
_NO_CLIENT_KEY = "clients cannot choose the upstream's key or URL here"
_ONE_ENTITY = "the only entity of an endpoint gets all of its traffic"
_BASE_SAYS = "an api_base says where requests go"
_REASONING = "reasoning stays in `reasoning_content` here"
_WITHOUT = "the upstream is called without it here"
_OTHER_LOGIN = "another way to authenticate is used"
_NOT_CALLED = "it is not what this provider is called with here"
_NO_HEALTH = "xmc does not call models to see whether they answer"
_NO_CHECK = "nothing but size, task and parameters of a request is checked before it is sent"
_NO_ALIAS = "left out: it names no model that was carried over"
_NO_HEADERS = "headers of clients go on as each provider's page says, and no others"
_METRICS = "xmc's metrics are what docs/observability.md says"
_ONE_NAME = "a request names an endpoint, and there is no second name for it"
_OWN_KEY = "each served entity has a key and a URL of its own"
_BY_CALLER = "callers are told apart by token only"
_DATABASE = (
    "keys, teams, budgets and models that are kept in LiteLLM's database are not in this file, and do not come over"
)
_NOT_SIZE = "not a size that can be set here"
_NO_EGRESS = "no host is blocked in this version of xmc; use the network's own rules"
_DISCONNECT = "an upstream call ends with its client here"
_L, _N = Outcome.LOST, Outcome.NO_EFFECT

Rule = tuple[re.Pattern[str], str, Outcome]


def _lost(reason: str, keys: str) -> Rule:
    """Return a rule for keys, patterns with white space between them, that are missed here."""
    return re.compile("|".join(keys.split())), reason, Outcome.LOST


def _quiet(reason: str, keys: str) -> Rule:
    """Return a rule for keys that nobody misses here."""
    return re.compile("|".join(keys.split())), reason, Outcome.NO_EFFECT


def reason_for(rules: Iterable[Rule], key: str) -> tuple[str, Outcome] | None:
    """Return why a key is not carried over: the first rule whose pattern is the whole key."""
    return next(((reason, outcome) for pattern, reason, outcome in rules if pattern.fullmatch(key)), None)


PARAMS = (
    _lost(
        _NO_LIMIT,
        r"""
        rpm tpm rpd tpd itpm otpm daily_reset_time max_parallel_requests default_api_key_(rpm|tpm)_limit
        """,
    ),
    _lost(_NO_RETRY, r"max_retries num_retries cooldown_time"),
    _lost(_NO_FALLBACK, r"fallbacks context_window_fallback_dict order model_list"),
    _lost(_NO_BUDGET, r"max_budget budget_duration"),
    _lost(_NO_PRICE, r".*cost_per_.* .*_cost custom_pricing"),
    _lost(_NO_TAG, r"tags tag_regex"),
    _lost(_NO_STREAM_TIME, r"stream_timeout .*timeout_by_service_tier"),
    _lost(NOT_SECONDS, r"timeout"),
    _lost(_NO_DROP, r"drop_params additional_drop_params allowed_openai_params modify_params"),
    _lost(
        _NO_DEFAULT,
        r"""
        temperature top_p top_k max_tokens max_completion_tokens seed stop n user presence_penalty
        frequency_penalty response_format reasoning_effort thinking tools tool_choice stream_options
        logit_bias system dimensions extra_headers headers extra_body extra_query metadata service_tier
        encoding_format input_type cache_control_injection_points prompt_id prompt_variables
        litellm_system_prompt
        """,
    ),
    _lost(_NO_CLIENT_KEY, r"configurable_clientside_auth_params use_in_pass_through"),
    _lost(_NO_GUARD, r"guardrails guardrail"),
    _lost(_NO_CACHE, r"caching cache"),
    _lost(_TLS, r"ssl_verify ssl_certificate ssl_.*"),
    _quiet(_ONE_ENTITY, r"weight"),
    _quiet(_BASE_SAYS, r"use_litellm_proxy"),
    _lost(_REASONING, r"merge_reasoning_content_in_choices"),
    _lost(_WITHOUT, r"api_version organization region_name api_type"),
    _lost(_OTHER_LOGIN, r"(vertex_|aws_|azure_).* tenant_id client_id client_secret"),
    _lost(_NOT_CALLED, r"api_key api_base base_url"),
)
"""Keys of `litellm_params` that stay behind when the entry is carried over."""

MODEL_INFO = (
    _lost(
        _NO_KEYS,
        r"""
        access_groups team_id team_public_model_name access_windows access_via_team_ids blocked
        """,
    ),
    _lost(_NO_PRICE, r".*cost_per_.* .*_cost pricing_provider"),
    _lost(_NO_OTHER_PATH, r"enforce_supported_endpoints"),
    _quiet(_NO_HEALTH, r"health_check_.* disable_background_health_check"),
    _lost(_NO_GUARD, r"guardrails"),
    _quiet(
        _SHOWN,
        r"""
        id base_model mode litellm_provider max_.*tokens supports_.* supported_.* description version tier
        metadata db_model discoverable created_.* updated_.* output_vector_size key tokenizer
        custom_tokenizer source
        """,
    ),
)

ROUTER = (
    _lost(
        _NO_RETRY,
        r"""
        num_retries max_retries retry_after retry_policy model_group_retry_policy allowed_fails
        allowed_fails_policy cooldown_time disable_cooldowns
        """,
    ),
    _lost(
        _NO_FALLBACK,
        r"""
        (default_|context_window_|content_policy_)?fallbacks max_fallbacks fallback_on_unsupported_params
        """,
    ),
    _lost(
        _NO_TAG,
        r"""
        routing_strategy routing_strategy_args routing_groups weights enable_weighted_failover .*affinity.*
        """,
    ),
    _lost(_NO_TAG, r"enable_tag_filtering tag_filtering_.* tag_routing_prefix ignore_invalid_deployments"),
    _lost(
        _NO_CHECK,
        r"""
        enable_pre_call_checks optional_pre_call_checks default_max_parallel_requests default_priority
        polling_interval deployment_affinity_ttl_seconds
        """,
    ),
    _lost(_NO_CACHE, r"cache_responses caching_groups client_ttl cache_kwargs"),
    _quiet(_OWN_STATE, r"redis_.* coordination_redis"),
    _quiet(_OWN_LOG, r"set_verbose debug_level"),
    _lost(_NO_DEFAULT, r"default_litellm_params"),
    _lost(_NO_BUDGET, r"provider_budget_config model_group_budget.*"),
    _lost(_NO_ALERT, r"alerting_config"),
    _lost(_NO_STREAM_TIME, r"stream_timeout"),
    _lost(NOT_SECONDS, r"timeout"),
    _lost(_NO_ALIAS, r"model_group_alias"),
    _lost(_NO_TOOL, r"assistants_config search_tools guardrail_list"),
)

LITELLM = (
    _lost(
        _NO_RETRY,
        r"""
        num_retries allowed_fails cooldown_time retry_policy num_retries_per_request context_window_retries
        """,
    ),
    _lost(_NO_FALLBACK, r"(default_|context_window_|content_policy_|model_)?fallbacks"),
    _lost(
        _NO_CALLBACK,
        r"""
        callbacks .*_callbacks? langfuse_.* s3_callback_params datadog_.* .*_logger_.* custom_provider_map
        """,
    ),
    _lost(
        _NO_CACHE,
        r"""
        cache cache_params caching.* default_redis_.* default_in_memory_ttl enable_caching_.*
        """,
    ),
    _lost(_NO_BUDGET, r".*(budget|spend|cost).*"),
    _lost(
        _NO_GUARD,
        r"""
        guardrails guardrail_.* presidio_.* llamaguard_.* .*moderation.* banned_keywords_list
        blocked_user_list llm_guard_mode pre_call_rules post_call_rules skip_.*_in_guardrail
        """,
    ),
    _lost(
        _NO_KEYS,
        r"""
        default_key_.* upperbound_key_.* key_.* default_internal_user_params default_team_.* max_internal_.*
        internal_user_.* default_user_params max_end_user_.* .*access_groups?.* public_model_groups.*
        """,
    ),
    _lost(_NO_DROP, r"drop_params modify_params add_function_to_prompt"),
    _quiet(
        _OWN_LOG,
        r"""
        set_verbose json_logs suppress_debug_info debug log_.* turn_off_message_logging redact_.* telemetry
        standard_logging_payload_.* disable_streaming_logging store_audit_logs error_logs
        """,
    ),
    _lost(_TLS, r"ssl_.* aiohttp_trust_env force_ipv4"),
    _lost(NOT_SECONDS, r"request_timeout"),
    _lost(
        _NO_HEADERS,
        r"""
        model_group_settings forward_.* add_user_information_to_llm_headers return_response_headers
        """,
    ),
    _lost(_NO_LIMIT, r"priority_reservation.* max_parallel_requests tag_rate_limit.*"),
    _quiet(
        _METRICS,
        r"""
        prometheus_.* custom_prometheus_.* service_callback enable_end_user_cost_tracking_prometheus_only
        require_auth_for_metrics_endpoint
        """,
    ),
    _lost(_ONE_NAME, r"model_alias_map"),
    _lost(_NO_TOOL, r"mcp_.* vector_store_.* responses .*prompt.*"),
    _lost(_OWN_KEY, r".*_key api_key .*_api_base"),
)

GENERAL = (
    _lost(
        _NO_KEYS,
        r"""
        master_key dangerously_permit_.* custom_auth.* enable_jwt_auth litellm_jwtauth enable_oauth2_.*
        oauth2_.* user_header_.* custom_key_generate custom_sso custom_ui_sso.* default_team_disabled
        default_user_params litellm_key_header_name .*access_default_deny enforce_user_param
        reject_clientside_metadata_tags user_api_key_cache.* key_generation_settings allow_user_auth .*_rbac
        .*rbac_.* allow_client_side_credentials
        """,
    ),
    _lost(
        _BY_CALLER,
        r"""
        allowed_ips allowed_routes public_routes admin_only_routes use_x_forwarded_for trusted_proxy_ranges
        disable_admin_.* block_robots max_failed_login_.* failed_login_.*
        """,
    ),
    _lost(
        _DATABASE,
        r"""
        database_.* store_model_in_db supported_db_objects proxy_batch_.* allow_requests_on_db_unavailable
        disable_reset_budget disable_prisma_.*
        """,
    ),
    _lost(
        _NO_LIMIT,
        r"""
        max_parallel_requests global_max_parallel_requests .*_in_flight_.* max_queued_.* admission_queue_.*
        fail_closed_rate_limit.*
        """,
    ),
    _lost(_NOT_SIZE, r"max_response_size_mb max_request_size_mb"),
    _lost(_NO_BUDGET, r".*(budget|spend).*"),
    _lost(_NO_ALERT, r"alerting alert_.* alerting_.*"),
    _lost(_NO_STORE, r"key_management_.* use_google_kms use_azure_key_vault use_aws_kms google_kms_key"),
    _lost(
        _NO_OTHER_PATH,
        r"""
        pass_through_.* enable_openai_websocket_.* completion_model infer_model_from_keys .*batch_file.*
        .*file_.* transcribe_.*
        """,
    ),
    _lost(_NO_HEADERS, r"forward_.*"),
    _quiet(_NO_HEALTH, r"health_check_.* background_health_.* .*healthy_only use_shared_health_check"),
    _quiet(
        _UI,
        r"""
        ui_.* enable_public_model_hub custom_swagger.* docs_.* disable_.*login.* password_policy_.*
        proxy_config_.* return_wildcard_routes store_prompts_.* disable_error_logs control_plane_url
        """,
    ),
    _lost(
        _NO_TOOL,
        r"""
        mcp_.* vector_store_.* search_tool_.* agent_.* plugins skill_scanner enable_claude_code_.*
        claude_code_.*
        """,
    ),
    _lost(_NO_CALLBACK, r"otel otel_.*"),
    _quiet(_OWN_STATE, r"coordination_redis redis_.*"),
    _lost(_NO_EGRESS, r"user_url_.* provider_url_.*"),
    _lost(_NO_FALLBACK, r"enforce_fallback_.* disable_fallbacks_.*"),
    _quiet(_DISCONNECT, r"cancel_on_disconnect"),
)

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
    "pass_through_endpoints": (_NO_OTHER_PATH, _L),
    "default_vertex_config": (_NO_OTHER_PATH, _L),
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
