"""A service account of nobody's, made anew for every run, and the endpoint that gives out tokens for its key.

It knows nothing of the code under test: claims are read and verified by Google's own library.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from google.auth import jwt

EMAIL = "gateway@my-project.iam.gserviceaccount.com"
KEY_ID = "0123456789abcdef"
AUDIENCE = "https://oauth2.googleapis.com/token"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@cache
def private_key() -> rsa.RSAPrivateKey:
    """Return the account's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem() -> str:
    """Return the key as Google writes it."""
    return private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem() -> bytes:
    """Return what signatures are verified with."""
    return private_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def account(**changes: Any) -> str:
    """Return the JSON file of the key; a change to None leaves a member out."""
    found: dict[str, Any] = {
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": KEY_ID,
        "private_key": pem(),
        "client_email": EMAIL,
        "client_id": "1",
        "token_uri": AUDIENCE,
        "universe_domain": "googleapis.com",
        **changes,
    }
    return json.dumps({key: value for key, value in found.items() if value is not None})


@dataclass
class Tokens:
    """What was given out. `refuses` is a status to answer instead; `life_s` is how long tokens live."""

    valid: list[str] = field(default_factory=list)
    claims: list[Mapping[str, Any]] = field(default_factory=list)
    refuses: int | None = None
    life_s: int = 3599

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Exchange a claim for a token."""
        form = await request.post()
        if self.refuses is not None:
            body = {"error": "temporarily_unavailable"} if self.refuses >= 500 else {"error": "invalid_client"}
            return web.json_response(body, status=self.refuses)
        if form.get("grant_type") != GRANT:
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        try:
            decode: Any = jwt.decode
            claim: Mapping[str, Any] = decode(str(form.get("assertion")), certs=public_pem(), audience=AUDIENCE)
        except ValueError:
            described = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            return web.json_response(described, status=400)
        if claim.get("scope") != SCOPE or claim.get("iss") != EMAIL or claim["exp"] - claim["iat"] > 3600:
            return web.json_response({"error": "invalid_scope"}, status=400)
        self.claims.append(claim)
        token = f"ya29.simulated-{len(self.claims)}"
        self.valid.append(token)
        return web.json_response({"access_token": token, "expires_in": self.life_s, "token_type": "Bearer"})
