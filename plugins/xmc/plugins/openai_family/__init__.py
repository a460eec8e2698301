"""What providers that speak OpenAI's shape share: pure translation between canonical and wire form.

No plugin by itself: a provider is a `FamilyProvider` over these modules.
"""

from xmc.plugins.openai_family.provider import FamilyProvider
from xmc.plugins.openai_family.url import ROUTES, BaseUrlError, compose_path, compose_url, compose_versioned_url

__all__ = [
    "ROUTES",
    "BaseUrlError",
    "FamilyProvider",
    "compose_path",
    "compose_url",
    "compose_versioned_url",
]
