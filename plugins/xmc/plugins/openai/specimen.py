"""Specimens of the provider `openai`: OpenAI itself, and Azure."""

from xmc.plugins.contract import Slot
from xmc.plugins.openai_family.specimen import FAILURES, SAMPLES
from xmc.plugins.specimen import Failure, Specimen, as_json

_AZURE = {
    "openai_api_base": "https://resource.test",
    "openai_api_version": "2024-10-21",
    "openai_deployment_name": "deployment",
}
_FILTERED = Failure(
    400,
    as_json({
        "error": {
            "message": "The prompt was filtered.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "innererror": {"code": "ResponsibleAIPolicyViolation"},
        }
    }),
    "The prompt was filtered",
)  # fmt: skip
SPECIMENS = (
    Specimen("openai", {"openai_api_key": Slot("kit/key")}, SAMPLES, FAILURES),
    Specimen(
        "openai",
        {**_AZURE, "openai_api_type": "azure", "openai_api_key": Slot("kit/key")},
        SAMPLES,
        (*FAILURES, _FILTERED),
        name="azure",
    ),
    Specimen(
        "openai",
        {
            **_AZURE,
            "openai_api_type": "azuread",
            "microsoft_entra_tenant_id": "tenant.test",
            "microsoft_entra_client_id": "client",
            "microsoft_entra_client_secret": Slot("kit/secret"),
        },
        SAMPLES,
        (*FAILURES, _FILTERED),
        name="azuread",
    ),
)
