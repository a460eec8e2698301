"""The plugin `answer-box`: a provider, the way in which it authenticates, and the framing of its streams."""

from collections.abc import Iterable

from answer_box.lines import Lines
from answer_box.provider import AnswerBox
from answer_box.signature import BoxSignature
from xmc.plugins import AuthScheme, Framing, Provider, Specimen, hookimpl

XMC_CONTRACT = 1


@hookimpl
def xmc_providers() -> Iterable[Provider]:
    """Add the provider `answer-box`."""
    return (AnswerBox(),)


@hookimpl
def xmc_auth_schemes() -> Iterable[AuthScheme]:
    """Add the scheme `answer-box-hmac`."""
    return (BoxSignature(),)


@hookimpl
def xmc_framings() -> Iterable[Framing]:
    """Add the framing `answer-box-lines`."""
    return (Lines(),)


@hookimpl
def xmc_specimens() -> Iterable[Specimen]:
    """Hand over what the server says, for the conformance kit."""
    from answer_box.specimen import SPECIMENS  # noqa: PLC0415 - no other command needs it

    return SPECIMENS
