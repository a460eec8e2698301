"""The dialect `messages`: its name, and the headers of clients that matter in it."""

DIALECT = "messages"
"""The name of the dialect in `Context.dialect` and `Target.dialects`."""

VERSION = "anthropic-version"
BETA = "anthropic-beta"
CLIENT_HEADERS = (BETA, VERSION)
"""What is looked at of a client's headers: for `Target.client_headers`."""
