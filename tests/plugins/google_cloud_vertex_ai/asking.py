"""Google's and Anthropic's own clients, in front of the simulator."""

import asyncio
from collections.abc import Callable
from typing import Any

from anthropic.lib.vertex import AnthropicVertex
from google import genai
from google.oauth2.credentials import Credentials
from tests.simulators.vertex import PROJECT, REGION, Simulator

TOKEN = "token-of-the-clients"


def gemini(upstream: Simulator) -> Any:
    """Return Google's client, with a token that the simulator takes."""
    upstream.tokens.valid.append(TOKEN)
    make: Any = Credentials
    return genai.Client(
        vertexai=True,
        project=PROJECT,
        location=REGION,
        credentials=make(token=TOKEN),
        http_options={"base_url": upstream.url, "api_version": "v1"},
    )


def claude(upstream: Simulator) -> AnthropicVertex:
    """Return Anthropic's client for Vertex AI, likewise."""
    upstream.tokens.valid.append(TOKEN)
    return AnthropicVertex(
        region=REGION, project_id=PROJECT, access_token=TOKEN, base_url=f"{upstream.url}/v1", max_retries=0
    )


async def using(make: Callable[[Simulator], Any], upstream: Simulator, what: Callable[[Any], Any]) -> Any:
    """Call a client, which blocks, in a thread."""

    def call() -> Any:
        client = make(upstream)
        try:
            return what(client)
        finally:
            client.close()

    return await asyncio.to_thread(call)
