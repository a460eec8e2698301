"""A real OpenBao server for tests, and the few administrative calls that they make."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import trustme

BAO = Path(sys.executable).with_name("bao")
READY_S = 30.0


@dataclass
class OpenBao:
    """A running server. `verify` is what requests takes: True, or the path of a CA bundle."""

    address: str
    root: str = ""
    verify: bool | str = True
    unseal_key: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, *, token: str | None = None, namespace: str = "", **json: Any) -> Any:
        """Make one call as root, or with a token; return the decoded body."""
        headers = {"X-Vault-Token": token or self.root, "X-Vault-Namespace": namespace}
        response = self.session.request(
            method,
            f"{self.address}/v1/{path}",
            headers={name: value for name, value in headers.items() if value},
            json=json or None,
            verify=self.verify,
            timeout=20,
        )
        response.raise_for_status()
        return response.json() if response.content else {}

    def put(self, path: str, **fields: Any) -> None:
        """Write a KV v2 secret into the mount `secret`."""
        self.call("POST", f"secret/data/{path}", data=fields)

    def token(self, *rules: str, **options: Any) -> str:
        """Make a token that may `read` the paths given, and no more."""
        name = f"test-{time.monotonic_ns()}"
        policy = "\n".join(f'path "{rule}" {{ capabilities = ["read"] }}' for rule in rules)
        self.call("PUT", f"sys/policies/acl/{name}", policy=policy)
        made = self.call("POST", "auth/token/create", policies=[name], **options)
        return str(made["auth"]["client_token"])

    def status(self) -> int:
        """Return the health status, 0 if there is no answer."""
        try:
            return self.session.get(f"{self.address}/v1/sys/health", verify=self.verify, timeout=5).status_code
        except requests.RequestException:
            return 0

    def wait(self, status: int) -> None:
        """Wait until the health status is `status`."""
        deadline = time.monotonic() + READY_S
        while self.status() != status:
            assert time.monotonic() < deadline, f"OpenBao did not come to status {status}"
            time.sleep(0.05)

    def wait_for_kv(self) -> None:
        """Wait until `secret/` takes calls: a new mount answers 400 while it is still made into version 2."""
        deadline = time.monotonic() + READY_S
        headers = {"X-Vault-Token": self.root or ""}
        while True:
            answer = self.session.get(
                f"{self.address}/v1/secret/config", headers=headers, verify=self.verify, timeout=5
            )
            if answer.ok:
                return
            assert time.monotonic() < deadline, f"OpenBao's KV mount did not become ready: {answer.text}"
            time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def _running(folder: Path, *arguments: str) -> Iterator[Path]:
    log = folder / "bao.log"
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with log.open("wb") as out:
        process = subprocess.Popen([BAO, "server", *arguments], stdout=out, stderr=out, env=environ, cwd=folder)
        try:
            yield log
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _printed_unseal_key(log: Path) -> str:
    """Return the key that a dev server prints, a little after it is ready."""
    deadline = time.monotonic() + READY_S
    while True:
        found = re.search(r"^Unseal Key: (\S+)$", log.read_text(), re.MULTILINE)
        if found:
            return found[1]
        assert time.monotonic() < deadline, "OpenBao printed no unseal key"
        time.sleep(0.05)


@contextmanager
def dev_server(folder: Path) -> Iterator[OpenBao]:
    """Run a dev server: plain HTTP, unsealed, KV version 2 at `secret/`."""
    bao = OpenBao(f"http://127.0.0.1:{free_port()}", root="root")
    listen = bao.address.removeprefix("http://")
    flags = (f"-dev-listen-address={listen}", "-dev-root-token-id=root", "-dev-no-store-token", "-log-level=warn")
    with _running(folder, "-dev", *flags) as log:
        bao.wait(200)
        bao.unseal_key = _printed_unseal_key(log)
        bao.wait_for_kv()
        yield bao
    bao.session.close()


@contextmanager
def tls_server(folder: Path, authority: trustme.CA) -> Iterator[OpenBao]:
    """Run a real server: raft storage, TLS by a CA of the test's, neither initialised nor unsealed yet."""
    certificate, key, ca = folder / "cert.pem", folder / "key.pem", folder / "ca.pem"
    issued = authority.issue_cert("127.0.0.1", "vault.test")
    issued.private_key_pem.write_to_path(str(key))
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    authority.cert_pem.write_to_path(str(ca))
    port, cluster = free_port(), free_port()
    (folder / "raft").mkdir()
    config = folder / "bao.hcl"
    config.write_text(
        f"""
        storage "raft" {{
          path = "{folder}/raft"
          node_id = "one"
          performance_multiplier = 1
        }}
        listener "tcp" {{
          address = "127.0.0.1:{port}"
          cluster_address = "127.0.0.1:{cluster}"
          tls_cert_file = "{certificate}"
          tls_key_file = "{key}"
        }}
        api_addr = "https://127.0.0.1:{port}"
        cluster_addr = "https://127.0.0.1:{cluster}"
        """
    )
    bao = OpenBao(f"https://127.0.0.1:{port}", verify=str(ca))
    with _running(folder, f"-config={config}", "-log-level=warn"):
        bao.wait(501)
        yield bao
    bao.session.close()


def initialise(bao: OpenBao) -> None:
    """Initialise and unseal a real server, and mount KV version 2 at `secret/`."""
    made = bao.call("PUT", "sys/init", secret_shares=1, secret_threshold=1)
    bao.root, bao.unseal_key = made["root_token"], made["keys_base64"][0]
    bao.call("PUT", "sys/unseal", key=bao.unseal_key)
    bao.wait(200)
    bao.call("POST", "sys/mounts/secret", type="kv", options={"version": "2"})
    bao.wait_for_kv()
