"""How faults are reported to the operator: where they happened, and nothing of what was being handled."""

import sys
import traceback


def report_fault(error: BaseException, where: str) -> None:
    """Write kind and places to stderr, never the message, which may hold what a client, upstream or store sent."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    sys.stderr.write(f"xmc: internal error {type(error).__name__} in {where}; please report it\n{frames}")


def report_egress(what: str) -> None:
    """Write to stderr what the egress policy refuses: a host or an address, and why. Clients are not told that much."""
    sys.stderr.write(f"xmc: the egress policy refuses {what}\n")


def report_credential(scheme: str, what: str) -> None:
    """Write to stderr that a credential is missing. `what` holds no secret: the words of an `AuthError`, or a kind."""
    sys.stderr.write(
        f"xmc: a credential for an upstream could not be acquired (scheme {scheme}: {what}); "
        "requests that need it fail, and the next attempt may succeed\n"
    )
