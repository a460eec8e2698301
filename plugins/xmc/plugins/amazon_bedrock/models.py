"""What is known of Bedrock's models by their ids.

Learnt on 2026-11-23: Amazon Bedrock User Guide, "Model lifecycle" and "Supported foundation models".
"""

import re

import msgspec

# Ids, without region prefix, and what to use in their place. Titan text, Jurassic, Command, Claude up to 2.1.
_ENDED = (
    (r"amazon\.titan-(text|tg1)-.*", "amazon.nova-lite-v1:0"),
    (r"ai21\.j2-.*", "ai21.jamba-1-5-large-v1:0"),
    (r"cohere\.command(-light)?-text-v14.*", "cohere.command-r-v1:0"),
    (r"anthropic\.claude-(v1|v2|instant).*", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
)
# Names as in the vendors' own APIs, and as pages show them.
_LIKELY = (
    (r"claude-v2(\.1)?|claude-2(\.[01])?", "anthropic.claude-v2:1"),
    (r"claude-instant.*", "anthropic.claude-instant-v1"),
    (r"claude-[a-z0-9.-]+", "anthropic.{name}-v1:0"),
    (r"command-r(-plus)?(-.*)?", "cohere.{name}-v1:0"),
    (r"embed-(english|multilingual)-v3(\.0)?", "cohere.{name}"),
    (r"embed-v4(\.0)?", "cohere.embed-v4:0"),
    (r"jamba-.*", "ai21.{name}-v1:0"),
    (r"nova-.*", "amazon.{name}-v1:0"),
    (r"titan-embed-.*", "amazon.{name}"),
)
_REGION = re.compile(r"^(us|us-gov|eu|apac|au|jp|global)\.")


def where(model: str, region: str) -> str:
    """Return where a model answers that is called in a region.

    An id with a geography in front is an inference profile, which AWS may answer anywhere in it; so may profiles of
    one's own and prompt routers, of which nobody sees where they lead. Source: Amazon Bedrock User Guide,
    "Cross-Region inference".

    >>> where("eu.anthropic.claude-sonnet-4-6", "eu-west-1"), where("amazon.nova-lite-v1:0", "eu-west-1")
    ('eu', 'eu-west-1')
    >>> where("arn:aws:bedrock:eu-west-1:1:application-inference-profile/a", "eu-west-1")
    'unknown'
    """
    geography = _REGION.match(model)
    if geography is not None:
        return geography[1]
    return "unknown" if "inference-profile/" in model or "prompt-router/" in model else region


def end_of(model: str) -> str | None:
    """Return what takes the place of a model that has ended, or None.

    >>> end_of("us.anthropic.claude-v2:1"), end_of("anthropic.claude-sonnet-4-6")
    ('anthropic.claude-sonnet-4-5-20250929-v1:0', None)
    """
    name = _REGION.sub("", model)
    return next((successor for pattern, successor in _ENDED if re.fullmatch(pattern, name)), None)


def near_miss(model: str) -> str | None:
    """Return the likely id of a model that was named as elsewhere, or None.

    >>> near_miss("claude-v2"), near_miss("anthropic.claude-v2:1")
    ('anthropic.claude-v2:1', None)
    """
    for pattern, likely in _LIKELY:
        if re.fullmatch(pattern, model):
            return likely.format(name=model.removesuffix(".0"))
    return None


class Embedder(msgspec.Struct, frozen=True):
    """One kind of model: how many texts a call takes, and what it calls `dimensions`, if it has them."""

    name: str
    family: str
    prefix: str
    batch: int
    dimensions: str | None


EMBEDDERS = (
    Embedder("titan-v1", "amazon", "amazon.titan-embed-text-v1", 1, None),
    Embedder("titan", "amazon", "amazon.titan-embed", 1, "dimensions"),
    Embedder("cohere-v3", "cohere", "cohere.embed-english", 96, None),
    Embedder("cohere-v3", "cohere", "cohere.embed-multilingual", 96, None),
    Embedder("cohere", "cohere", "cohere.embed", 96, "output_dimension"),
)
EMBEDDERS_BY_NAME = {one.name: one for one in EMBEDDERS}


def embedder_of(family: str, model: str) -> Embedder | None:
    """Return how a model embeds; an ARN, or a name not known, counts as the newest of its family.

    >>> embedder_of("cohere", "eu.cohere.embed-v4:0").name, embedder_of("anthropic", "x")
    ('cohere', None)
    """
    of_family = [one for one in EMBEDDERS if one.family == family]
    return next((one for one in of_family if one.prefix in model), of_family[-1] if of_family else None)
