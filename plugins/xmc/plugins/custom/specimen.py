"""Specimens of the provider `custom`: a bearer token, and a key in a header."""

from xmc.plugins.contract import Slot
from xmc.plugins.openai_family.specimen import FAILURES, SAMPLES
from xmc.plugins.specimen import Specimen

_BASE = {"custom_provider_url": "https://models.test/v1"}
SPECIMENS = (
    Specimen("custom", {**_BASE, "bearer_token_auth": {"token": Slot("kit/token")}}, SAMPLES, FAILURES),
    Specimen(
        "custom",
        {**_BASE, "api_key_auth": {"key": "X-Api-Key", "value": Slot("kit/key")}},
        SAMPLES,
        FAILURES,
        name="with a key header",
    ),
)
