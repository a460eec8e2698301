"""Faults of our own, or of a plugin that breaks its word: what the operator gets to see of them."""

import sys
import traceback


def report_fault(error: Exception, request_id: str) -> None:
    """Log the kind and the places, never the message, which may hold what a client or an upstream sent."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    sys.stderr.write(f"xmc: internal error {type(error).__name__} in request {request_id}; please report it\n{frames}")
