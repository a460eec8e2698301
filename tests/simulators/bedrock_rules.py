"""What Bedrock refuses: wrong signatures, shapes that its model does not have, conversations out of order.

Shapes are botocore's service model of `bedrock-runtime`; the rules beyond it are those of the API's own error messages.
"""

import base64
import datetime as dt
from collections.abc import Mapping
from functools import cache
from typing import Any, cast
from unittest.mock import patch

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.model import ListShape, Shape, StructureShape
from botocore.validate import ParamValidator


class BadRequestError(ValueError):
    """A request that the service answers 400 to."""


def check_signature(  # noqa: PLR0913, PLR0917 - what is signed
    method: str, url: str, headers: Mapping[str, str], data: bytes, access_key: str, secret_key: str
) -> tuple[str, str] | None:
    """Return the name and words of the refusal, or None if the signature is the one that botocore computes."""
    told = headers.get("authorization", "")
    if f"Credential={access_key}/" not in told:
        return "UnrecognizedClientException", "The security token included in the request is invalid."
    scope = told.partition("Credential=")[2].partition(",")[0].split("/")
    signed = told.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    moment = dt.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ")  # noqa: DTZ007 - as botocore has it
    request = AWSRequest(method=method, url=url, data=data)
    for name in signed:
        if name not in {"host", "x-amz-date", "x-amz-security-token"}:
            request.headers[name] = headers[name]
    with patch("botocore.auth.get_current_datetime", return_value=moment):
        keys = Credentials(access_key, secret_key, headers.get("x-amz-security-token"))
        SigV4Auth(keys, scope[3], scope[2]).add_auth(request)
    if scope[3] != "bedrock" or request.headers["Authorization"] != told:
        what = "The request signature we calculated does not match the signature you provided."
        return "InvalidSignatureException", what
    return None


@cache
def _shape(operation: str) -> Shape:
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    return cast("Shape", model.operation_model(operation).input_shape)


def check_converse(model: str, body: Any) -> dict[str, Any]:
    """Return the body, as botocore would have it, if the API takes it. Raises `BadRequestError`."""
    if not isinstance(body, dict):
        raise BadRequestError("the body is not a JSON object")
    shape = _shape("Converse")
    params = _blobs({"modelId": model, **body}, shape, "")
    report = ParamValidator().validate(params, shape)
    if report.has_errors():
        raise BadRequestError(report.generate_report())
    _check_turns(body)
    return body


def _blobs(value: Any, shape: Shape, path: str) -> Any:
    """Return the value with base64 decoded where the model has bytes. Raises `BadRequestError` for unknown members."""
    if shape.type_name == "blob" and isinstance(value, str):
        return base64.b64decode(value, validate=True)
    if isinstance(shape, StructureShape) and isinstance(value, dict) and not shape.is_document_type:
        members = cast("Mapping[str, Shape]", shape.members)
        unknown = value.keys() - members.keys()
        if unknown:
            raise BadRequestError(f"extraneous key {sorted(unknown)} is not permitted at {path or '#'}")
        return {key: _blobs(one, members[key], f"{path}/{key}") for key, one in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        member = cast("Shape", shape.member)
        return [_blobs(one, member, f"{path}/{index}") for index, one in enumerate(value)]
    return value


def _check_turns(body: dict[str, Any]) -> None:
    """Check what the model of the service does not say, but its errors do."""
    turns = body.get("messages") or []
    if not turns or turns[0]["role"] != "user":
        raise BadRequestError("A conversation must start with a user message. Try again with a conversation that does.")
    names: list[str] = []
    for before, turn in zip([None, *turns], turns, strict=False):
        if before is not None and before["role"] == turn["role"]:
            raise BadRequestError("A conversation must alternate between user and assistant roles.")
        _check_results(before, turn)
        blocks = turn["content"]
        if any("text" in block and not block["text"].strip() for block in blocks):
            raise BadRequestError("The text field in the ContentBlock object is blank. Add text and try again.")
        documents = [block["document"]["name"] for block in blocks if "document" in block]
        names += documents
        if documents and not any("text" in block for block in blocks):
            raise BadRequestError("A text block must be included when a document is.")
    if len(set(names)) < len(names):
        raise BadRequestError("Conversation cannot contain duplicate document names.")
    holds_tools = any("toolUse" in block or "toolResult" in block for turn in turns for block in turn["content"])
    if holds_tools and not body.get("toolConfig"):
        raise BadRequestError("The toolConfig field must be defined when using toolUse and toolResult content blocks.")


def _check_results(before: Any, turn: Any) -> None:
    asked = [block["toolUse"]["toolUseId"] for block in (before or {}).get("content", ()) if "toolUse" in block]
    given = [block["toolResult"]["toolUseId"] for block in turn["content"] if "toolResult" in block]
    if sorted(asked) != sorted(given):
        raise BadRequestError(
            "Expected toolResult blocks for the following Ids, all in the next message: " + str(asked)
        )
