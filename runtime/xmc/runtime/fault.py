"""How a fault of our own is reported: where it happened, and nothing of what was being handled."""

import sys
import traceback


def report_fault(error: BaseException, where: str) -> None:
    """Write kind and places to stderr, never the message, which may hold what a client, upstream or store sent."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    sys.stderr.write(f"xmc: internal error {type(error).__name__} in {where}; please report it\n{frames}")
