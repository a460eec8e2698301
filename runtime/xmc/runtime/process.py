"""A serving process from start to end: read the table, bind it, listen, and stop without breaking requests.

What keeps a process from starting is a `StartError`: one line for the operator and an exit code, never a traceback.
"""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from xmc.plugins import AuthError, PluginError, Plugins, StoreError, build_plugins
from xmc.runtime.access_log import AccessLog
from xmc.runtime.artifact import Loaded, load_artifact
from xmc.runtime.credentials import SystemClock
from xmc.runtime.dispatch import Gateway
from xmc.runtime.generation import Binder, Generation, verify
from xmc.runtime.guard import Guard
from xmc.runtime.key_file import KeyFileError
from xmc.runtime.log_sink import LogSink
from xmc.runtime.metrics import Metrics
from xmc.runtime.metrics_port import answer_metrics, refuse_scrape
from xmc.runtime.proxy import Proxies
from xmc.runtime.secrets import SecretsError, read_secrets, read_secrets_file
from xmc.runtime.serial import SerialFileError, accept_serial
from xmc.runtime.server import HttpServer
from xmc.runtime.settings import DESCRIPTOR, Settings, is_loopback, read_input
from xmc.runtime.ways import EgressError, Ways
from xmc.schema import PLAINTEXT_STORE, Table, TableError

# Exit codes, the same as the `xmc` command's (documented in docs/cli.md).
UNSERVABLE = 1
USAGE = 2
INTERNAL = 3
STORE_UNREACHABLE = 4

_FLUSH_S = 0.25
# Requests under way are many small objects that live for a moment. At Python's default of 700 the collector walks
# them again and again and finds next to nothing: a fifth of the CPU time of a small request.
_GC_THRESHOLD = 20_000


class StartError(Exception):
    """Why this process cannot serve: one line for the operator, and its exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(slots=True)
class Server:
    """A started process: the gateway and everything that must be closed after it."""

    settings: Settings
    gateway: Gateway
    http: HttpServer
    log: AccessLog | None
    ways: Ways
    port: int
    metrics_http: HttpServer | None = None
    metrics_port: int | None = None
    _flusher: "asyncio.Task[None] | None" = field(default=None)

    async def close(self, hurry: asyncio.Event | None = None) -> None:
        """Stop accepting, let requests in flight finish within the grace time, then close everything."""
        self.gateway.draining = True
        await self.http.close(self.settings.grace_s, hurry)
        if self.metrics_http is not None:
            await self.metrics_http.close(0)
        await self.ways.close()
        if self._flusher is not None:
            self._flusher.cancel()
        if self.log is not None:
            await asyncio.to_thread(self.log.close)


async def start(settings: Settings, environ: Mapping[str, str], *, plugins: Plugins | None = None) -> Server:
    """Start serving and return when both ports accept.

    Raises:
        StartError: the table, its secrets, the settings or the address cannot be used.
    """
    log = _log(settings)
    try:
        generation, ways = await load(settings, environ, plugins=plugins)
        try:
            return await _listen(settings, generation, ways, log)
        except BaseException:
            await ways.close()
            raise
    except BaseException:
        if log is not None:
            log.close()
        raise


async def load(
    settings: Settings, environ: Mapping[str, str], *, plugins: Plugins | None = None
) -> tuple[Generation, Ways]:
    """Read, verify and bind the table. The ways out are the caller's to close.

    Raises:
        StartError: the table, its secrets or the settings cannot be used.
    """
    loaded = _loaded(settings, environ)
    plugins = _plugins(plugins)
    _check(loaded.table, plugins, settings)
    ways = _ways(loaded.table, settings, environ)
    try:
        generation = await _generation(loaded, plugins, settings, environ, ways)
        _accept(loaded, settings)
    except BaseException:
        await ways.close()
        raise
    else:
        return generation, ways


async def serve(settings: Settings, environ: Mapping[str, str]) -> None:
    """Serve until SIGINT or SIGTERM; a second signal ends the grace time. Raises `StartError`."""
    _allow_connections()
    stop, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    server = await start(settings, environ)
    # What was loaded so far stays for good: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    _announce(server)
    await stop.wait()
    await server.close(hurry)


def _allow_connections() -> None:
    """Raise the soft limit on open files, often 1,024, to the hard one: a stream takes two connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # the kernel's own ceiling may be lower than "unlimited"
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _announce(server: Server) -> None:
    table = server.gateway.generation.table
    names = ", ".join(endpoint.name for endpoint in table.endpoints[:5]) or "none"
    more = f" and {len(table.endpoints) - 5} more" if len(table.endpoints) > 5 else ""  # noqa: PLR2004 - as above
    lines = [
        f"listening on {_url(server.settings.host, server.port)} ({server.settings.name}; endpoints: {names}{more})"
    ]
    if server.metrics_port is not None:
        lines.append(f"metrics on {_url(server.settings.metrics_host, server.metrics_port)}/metrics")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _loaded(settings: Settings, environ: Mapping[str, str]) -> Loaded:
    try:
        return load_artifact(settings, environ, _warn)
    except OSError as error:
        raise StartError(f"cannot read {error.filename or settings.name}: {error.strerror}", USAGE) from None
    except (KeyFileError, SerialFileError) as error:
        raise StartError(str(error), USAGE) from None
    except TableError as error:
        raise StartError(f"{settings.name}: {error}", UNSERVABLE) from None


def _accept(loaded: Loaded, settings: Settings) -> None:
    """From here on nothing older is served: the table is verified, and there is nothing left that it lacks."""
    if settings.serial_file is None or loaded.statement is None:
        return
    try:
        accept_serial(Path(settings.serial_file), loaded.statement)
    except SerialFileError as error:
        raise StartError(str(error), USAGE) from None
    except TableError as error:
        raise StartError(f"{settings.name}: {error}", UNSERVABLE) from None


def _plugins(plugins: Plugins | None) -> Plugins:
    try:
        return build_plugins() if plugins is None else plugins
    except PluginError as error:
        raise StartError(str(error), UNSERVABLE) from None


def _check(table: Table, plugins: Plugins, settings: Settings) -> None:
    try:
        verify(table, plugins)
    except TableError as error:
        raise StartError(f"{settings.name}: {error}", UNSERVABLE) from None
    if not (table.principals or settings.insecure_no_auth or is_loopback(settings.host)):
        raise StartError(
            f"{settings.name} has no principals, so anybody who reaches {settings.host} could use its credentials: "
            "add `principals:` (see `xmc token create`), listen on 127.0.0.1, or pass --insecure-no-auth",
            USAGE,
        )


def _ways(table: Table, settings: Settings, environ: Mapping[str, str]) -> Ways:
    folder = Path(settings.table).parent if settings.folder is None else Path(settings.folder)
    try:
        return Ways(Guard(table.egress), Proxies(environ), settings.ca_bundle, folder)
    except OSError as error:  # ssl.SSLError is one
        raise StartError(f"cannot use the CA bundle {settings.ca_bundle}: {error}", USAGE) from None


def _log(settings: Settings) -> AccessLog | None:
    if settings.access_log is None:
        return None
    try:
        sink = LogSink(settings.access_log)
    except OSError as error:
        raise StartError(f"cannot write the access log {settings.access_log}: {error.strerror}", USAGE) from None
    return AccessLog(sink, form=settings.log_format, warn=_warn, end=sink.close)


def _warn(message: str) -> None:
    sys.stderr.write(f"xmc: {message}\n")


async def _generation(
    loaded: Loaded, plugins: Plugins, settings: Settings, environ: Mapping[str, str], ways: Ways
) -> Generation:
    table = loaded.table
    try:
        given = _plaintext(table, settings) if loaded.sealed is None else loaded.sealed
        secrets = await read_secrets(table, plugins, environ, given)
    except SecretsError as error:
        code = STORE_UNREACHABLE if error.unreachable else UNSERVABLE
        raise StartError(f"secrets cannot be read: {error}", code) from None
    except StoreError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise StartError(f"secrets cannot be read: {error}{hint}", UNSERVABLE) from None
    try:
        return await Binder(plugins, secrets, ways, SystemClock()).bind(table)
    except (AuthError, EgressError) as error:
        raise StartError(str(error), UNSERVABLE) from None


def _plaintext(table: Table, settings: Settings) -> Mapping[str, str]:
    """Return the values that were typed into the spec, from their file or an inherited descriptor.

    Nobody vouches for that file: it stands in for no store.
    """
    typed = {name for name, slot in table.secrets.items() if slot.store == PLAINTEXT_STORE}
    if settings.secrets is None or not typed:
        return {}
    if settings.secrets.startswith(DESCRIPTOR):
        held: Mapping[str, str] = msgspec.json.decode(read_input(settings.secrets), type=dict[str, str])
    else:
        held = read_secrets_file(Path(settings.secrets), table.digest)
    return {name: value for name, value in held.items() if name in typed}


async def _listen(settings: Settings, generation: Generation, ways: Ways, log: AccessLog | None) -> Server:
    lost: Callable[[], int] = (lambda: log.lost) if log is not None else (lambda: 0)
    metrics = Metrics(generation.table, in_flight=lambda: gateway.in_flight, log_lost=lost)
    observers = (metrics.observe,) if log is None else (metrics.observe, log.write)
    gateway = Gateway(generation, observers, metrics.render)
    http = HttpServer(gateway, gateway.refuse, keepalive_s=settings.keepalive_s)
    server = Server(settings, gateway, http, log, ways, await _bound(http, settings.host, settings.port))
    if settings.metrics_port is not None:
        server.metrics_http = HttpServer(
            lambda inbound: answer_metrics(gateway, inbound), refuse_scrape, keepalive_s=75.0
        )
        server.metrics_port = await _bound(server.metrics_http, settings.metrics_host, settings.metrics_port)
    if log is not None:
        server._flusher = asyncio.get_running_loop().create_task(_flush(log))  # noqa: SLF001 - its maker
    return server


async def _bound(http: HttpServer, host: str, port: int) -> int:
    try:
        return await http.listen(host, port)
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise StartError(f"cannot listen on {_url(host, port)}: {reason}", USAGE) from None


async def _flush(log: AccessLog) -> None:
    while True:
        await asyncio.sleep(_FLUSH_S)
        log.flush()
