"""The authentication scheme `answer-box-hmac`: a signature over time and body. Parameter: `key_id`. Slot: `secret`."""

import hashlib
import hmac
from collections.abc import Mapping

from xmc.plugins import AuthError, AuthIO, Clock, Credential
from xmc.schema import Auth, Secret, WireRequest


class BoxSignature:
    """Signs each call; the credential is the secret itself, and lives as long."""

    name = "answer-box-hmac"

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        """Take the secret. Raises `AuthError`, with a message that does not hold it."""
        del io, clock
        secret = secrets.get("secret")
        value = secret.reveal() if secret is not None else ""
        if not value or value != value.strip():
            raise AuthError(f"secret {auth.slots.get('secret')} is empty, or begins or ends with white space")
        return Credential(data=(auth.params["key_id"], value.encode()))

    def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
        """Put key, time and signature on a call."""
        key_id, secret = credential.data
        time = str(int(now))
        signature = hmac.new(secret, f"{time}\n".encode() + wire.body, hashlib.sha256).hexdigest()
        return wire.with_headers((("X-Box-Key", key_id), ("X-Box-Time", time), ("X-Box-Signature", signature)))

    def stale(self, status: int, headers: Mapping[str, str]) -> bool:
        """Say no: a secret is right or wrong."""
        del status, headers
        return False
