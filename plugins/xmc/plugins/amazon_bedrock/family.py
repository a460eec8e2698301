"""What differs between the four kinds of models: by `bedrock_provider`, never by the model's id, which may be an ARN.

Learnt on 2026-11-23 from: Amazon Bedrock User Guide, "Supported models and model features" (Converse), "Amazon Nova:
complete request schema", "Cohere Command R", "AI21 Labs Jamba"; botocore 1.44.5, service `bedrock-runtime`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """`forces_tools`: takes the tool choices `any` and `tool`. `native_tools`: has typed tools, betas and thinking.

    `streams`: answers ConverseStream. `top_k` is where that parameter goes in `additionalModelRequestFields`.
    """

    forces_tools: bool
    native_tools: bool
    streams: bool
    top_k: tuple[str, ...]


FAMILIES = {
    "amazon": Family(forces_tools=True, native_tools=False, streams=True, top_k=("inferenceConfig", "topK")),
    "ai21labs": Family(forces_tools=False, native_tools=False, streams=False, top_k=("top_k",)),
    "anthropic": Family(forces_tools=True, native_tools=True, streams=True, top_k=("top_k",)),
    "cohere": Family(forces_tools=False, native_tools=False, streams=True, top_k=("k",)),
}
