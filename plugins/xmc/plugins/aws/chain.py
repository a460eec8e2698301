"""The scheme `aws-default-chain`: keys from where AWS's own tools find them, signed as in `aws-sigv4`.

Environment, profile files, web identity, container, instance profile, in botocore's order. botocore is not in the base
install (`pip install 'xmc[aws]'`); it blocks, so it runs in a thread, and only when keys are needed.

Parameters: `region`, `service`, and `instance_profile_arn`: the profile that this host must carry. As AWS's tools this
scheme looks at the environment and at files; no other one does.
Source: boto3 documentation, "Credentials"; Amazon EC2 User Guide, "Instance metadata", `iam/info`.
"""

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from xmc.plugins.aws.sigv4 import Keys, signed
from xmc.plugins.contract import AuthError, AuthIO, Clock, Credential
from xmc.schema import Auth, Secret, WireRequest

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})
# Keys of roles live an hour or more, and botocore renews them itself when it is asked within these last minutes.
_ASK_AGAIN_S = 900.0
_METADATA = "http://169.254.169.254"
_METADATA_S = 2.0
_MAX_REPLY = 64 * 1024
_FORBIDDEN, _UNAUTHORIZED = 403, 401


class DefaultChain:
    """Keys that botocore finds. `find` is for tests: it returns access key, secret key, token and expiry."""

    name = "aws-default-chain"

    def __init__(self, find: "Callable[[str | None], Found] | None" = None) -> None:
        self._find = find or _Finder()

    async def acquire(self, auth: Auth, secrets: Mapping[str, Secret], io: AuthIO, clock: Clock) -> Credential:
        """Ask botocore for keys.

        Raises:
            AuthError: botocore is not installed, finds no keys, or the host carries another instance profile.
        """
        import asyncio  # noqa: PLC0415 - every command imports this module, and only traffic needs it

        del secrets, io
        access_key, secret_key, token, expires_at = await asyncio.to_thread(
            self._find, auth.params.get("instance_profile_arn")
        )
        keys = Keys(access_key, secret_key, token, auth.params["region"], auth.params["service"])
        # Keys without an end may still be changed where they lie (a profile file); so they are looked at again.
        return Credential(data=keys, expires_at=expires_at or clock.now() + _ASK_AGAIN_S)

    def sign(self, wire: WireRequest, credential: Credential, now: float) -> WireRequest:
        """Sign as `aws-sigv4` does."""
        return signed(wire, credential.data, now)

    def stale(self, status: int, headers: Mapping[str, str]) -> bool:
        """Tell keys that have run out by the name of the error in its header."""
        kind = headers.get("x-amzn-errortype", "").partition(":")[0]
        return status in {_UNAUTHORIZED, _FORBIDDEN} and kind in _EXPIRED


Found = tuple[str, str, str | None, float | None]
"""Access key, secret key, session token, and when they end (Unix seconds)."""


class _Finder:
    """Asks botocore. What renews itself is kept; keys that do not are looked for anew each time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: Any = None

    def __call__(self, profile_arn: str | None) -> Found:
        with self._lock:
            return self._found(profile_arn)

    def _found(self, profile_arn: str | None) -> Found:
        try:
            import botocore.session  # noqa: PLC0415 - optional, and it takes half a second
            from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above
        except ImportError:
            raise AuthError("looking for AWS credentials on this host needs botocore: pip install 'xmc[aws]'") from None
        try:
            if profile_arn is not None:
                _check_profile(profile_arn)
            credentials = self._kept or botocore.session.get_session().get_credentials()
            if credentials is None:
                raise AuthError(
                    "this host has no AWS credentials: neither environment, profile files, container nor instance "
                    "profile gave any"
                )
            frozen = credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            # The text may hold what a metadata service or a token file said.
            raise AuthError(f"botocore could not get AWS credentials: {type(error).__name__}", transient=True) from None
        # Only what can run out knows its end, and botocore has no public name for that.
        ends = getattr(credentials, "_expiry_time", None)
        self._kept = credentials if ends is not None else None
        return frozen.access_key, frozen.secret_key, frozen.token, None if ends is None else ends.timestamp()


def _check_profile(wanted: str) -> None:
    """Compare the instance profile that this host carries with the one that the spec names. Raises `AuthError`."""
    try:
        carried = _carried_profile(os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _METADATA)
    except (OSError, ValueError) as error:
        raise AuthError(
            f"this host's metadata service does not say which instance profile it carries ({type(error).__name__}), "
            f"and the spec wants {wanted}; outside EC2 use keys, or the default chain without a profile",
            transient=True,
        ) from None
    if carried != wanted:
        raise AuthError(f"this host carries the instance profile {carried}, and the spec wants {wanted}")


def _carried_profile(endpoint: str) -> Any:
    """Ask the metadata service, version 2: first a token, then the question. Raises `OSError`, `ValueError`."""
    import json  # noqa: PLC0415 - on such hosts only

    base = f"{endpoint.rstrip('/')}/latest"
    token = _http("PUT", f"{base}/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}).decode()
    info = json.loads(_http("GET", f"{base}/meta-data/iam/info", {"X-aws-ec2-metadata-token": token}))
    return info.get("InstanceProfileArn") if isinstance(info, dict) else None


def _http(method: str, url: str, headers: Mapping[str, str]) -> bytes:
    """Call without any proxy: the address is that of this very host."""
    import urllib.request  # noqa: PLC0415 - on such hosts only

    request = urllib.request.Request(url, method=method, headers=dict(headers))  # noqa: S310 - http by the default above
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_METADATA_S) as reply:
        data: bytes = reply.read(_MAX_REPLY)
    return data
