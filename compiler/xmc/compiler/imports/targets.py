"""Served entities of each provider, for importers: which keys its configuration needs, whoever named them before.

Default URLs and variables as LiteLLM 1.110.2 (`get_llm_provider_logic.py`) and MLflow 3.17.2 (`gateway/providers`) have
them.
"""

import re
from dataclasses import dataclass

from xmc.compiler.imports.draft import LeftOutError

CONFIG_KEYS = {
    "openai": "openai_config",
    "anthropic": "anthropic_config",
    "cohere": "cohere_config",
    "ai21labs": "ai21labs_config",
    "amazon-bedrock": "amazon_bedrock_config",
    "google-cloud-vertex-ai": "google_cloud_vertex_ai_config",
    "databricks-model-serving": "databricks_model_serving_config",
    "custom": "custom_provider_config",
}

CHAT, COMPLETIONS, EMBEDDINGS = "llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"

OPENAI_FORM = "a custom provider: the service is called in the OpenAI form that it has beside its own"
NO_AUTH = "custom upstreams are called with a token here; where the server asks for none, any text will do"


@dataclass(frozen=True, slots=True)
class Compatible:
    """A service that speaks OpenAI's API: its base URL (None: the input must have one) and where its key is read."""

    url: str | None
    variable: str


COMPATIBLE = {
    "groq": Compatible("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "deepseek": Compatible("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "mistral": Compatible("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "togetherai": Compatible("https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
    "xai": Compatible("https://api.x.ai/v1", "XAI_API_KEY"),
    "fireworks": Compatible("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "perplexity": Compatible("https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
    "openrouter": Compatible("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "cerebras": Compatible("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "sambanova": Compatible("https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    "nvidia": Compatible("https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
    "deepinfra": Compatible("https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    "gemini": Compatible("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "ollama": Compatible("http://localhost:11434/v1", ""),
    "own": Compatible(None, ""),
}
"""`own` is any server that the input gives a URL for: vLLM, LM Studio, llamafile, another gateway."""

_BEDROCK_REGION = re.compile(r"^(us-gov|us|eu|apac|au|jp|global)\.")
_BEDROCK_VENDORS = {"anthropic": "anthropic", "cohere": "cohere", "ai21": "ai21labs", "amazon": "amazon"}


def bedrock_vendor(model: str) -> str:
    """Return the `bedrock_provider` of a model's id.

    Raises:
        LeftOutError: the models of that vendor are not served, or the id does not name one.

    >>> bedrock_vendor("eu.anthropic.claude-sonnet-4-6"), bedrock_vendor("ai21.jamba-1-5-large-v1:0")
    ('anthropic', 'ai21labs')
    """
    vendor = _BEDROCK_REGION.sub("", model).partition(".")[0]
    if vendor not in _BEDROCK_VENDORS:
        known = ", ".join(sorted(_BEDROCK_VENDORS.values()))
        raise LeftOutError(f"left out: of Bedrock's models those of {known} are served, told by a model's id")
    return _BEDROCK_VENDORS[vendor]


def workspace_url(base: str) -> str:
    """Return the workspace's URL of a base URL that clients of its serving endpoints use.

    >>> workspace_url("https://adb-1.2.azuredatabricks.net/serving-endpoints/")
    'https://adb-1.2.azuredatabricks.net'
    """
    return base.rstrip("/").removesuffix("/serving-endpoints")


def ollama_url(base: str) -> str:
    """Return where Ollama speaks OpenAI's API; other configurations name the place of its own API.

    >>> ollama_url("http://localhost:11434/"), ollama_url("http://localhost:11434/v1")
    ('http://localhost:11434/v1', 'http://localhost:11434/v1')
    """
    stem = base.rstrip("/").removesuffix("/api")
    return stem if stem.endswith("/v1") else f"{stem}/v1"
