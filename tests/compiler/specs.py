"""Small specs, plugins made to order, and what a compile says, for the compiler's tests."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xmc.compiler import Compiled, Source, compile_source, compile_sources
from xmc.plugins import (
    Adapter,
    Capability,
    EntitySpec,
    Link,
    Plugins,
    Proof,
    Provider,
    SecretStore,
    StoreSession,
    build_plugins,
    hookimpl,
    installed,
)
from xmc.schema import Auth, Diagnostic, JsonObject, Secret, SecretSlot, Target, Task

CASES = Path(__file__).parent / "cases"
_EXPECT = "# expect: "

SPEC = """\
endpoints:
  - name: chat
    config:
      served_entities:
        - name: main
          external_model:
            name: gpt-4o
            provider: openai
            task: llm/v1/chat
            openai_config:
              openai_api_key: "{{secrets/openai/key}}"
"""
FAKE_SPEC = """\
endpoints:
  - name: chat
    served_entities:
      - name: main
        external_model:
          name: m
          provider: fake
          task: llm/v1/chat
          fake_config:
            deep: {list: [1], key: "{{secrets/a/b}}"}
"""


def compile_text(text: str | bytes, plugins: Plugins) -> Compiled:
    data = text.encode() if isinstance(text, str) else text
    return compile_source(Source("spec.yaml", data), plugins)


def compile_files(*texts: str, plugins: Plugins | None = None) -> Compiled:
    """Compile a spec of several files, called a.yaml, b.yaml and so on."""
    sources = [Source(f"{chr(ord('a') + place)}.yaml", text.encode()) for place, text in enumerate(texts)]
    return compile_sources(sources, plugins or build_plugins())


def codes(compiled: Compiled) -> list[str]:
    return [diagnostic.code for diagnostic in compiled.diagnostics]


def expected(case: Path) -> list[str]:
    lines = case.read_text().splitlines()
    return [line.removeprefix(_EXPECT) for line in lines if line.startswith(_EXPECT)]


def summary(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    labels = " ".join(f"{label.span.line}:{label.span.column}" for label in diagnostic.labels)
    return f"{span.line}:{span.column} {diagnostic.severity} {diagnostic.code}" + (
        f" labels {labels}" if labels else ""
    )


@dataclass
class FakeProvider:
    """A provider whose `link` does what a test says."""

    result: Link | Exception | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    seen: list[EntitySpec] = field(default_factory=list)
    name: str = "fake"
    config_key: str = "fake_config"
    config_schema: JsonObject = field(
        default_factory=lambda: {
            "type": "object",
            "additionalProperties": False,
            "properties": {"deep": {"$ref": "#/$defs/deep"}},
            "$defs": {
                "deep": {
                    "type": "object",
                    "properties": {
                        "list": {"type": "array"},
                        "key": {"type": "string", "x-xmc-secret": "reference"},
                        "key_plaintext": {"type": "string", "x-xmc-secret": "plaintext"},
                    },
                }
            },
        }
    )
    capabilities: Mapping[Task, Mapping[str, Capability]] = field(default_factory=lambda: {Task.CHAT: {}})

    def link(self, entity: EntitySpec) -> Link:
        self.seen.append(entity)
        if isinstance(self.result, Exception):
            raise self.result
        if self.result is not None:
            return self.result
        target: dict[str, Any] = {
            "provider": "fake",
            "task": entity.task,
            "model": entity.model,
            "url": "http://127.0.0.1:9/v1",
            "auth": Auth(scheme="bearer", slots={"token": entity.config["deep"]["key"].name}),
        }
        return Link(Target(**{**target, **self.changes}))

    def adapter(self, target: Target) -> Adapter:
        raise NotImplementedError


def with_fake(provider: FakeProvider) -> Plugins:
    """The installed plugins and a fake provider."""

    class Fake:
        XMC_CONTRACT = 1

        @hookimpl
        def xmc_providers(self) -> Iterable[Provider]:
            return (provider,)

    return build_plugins({**{name: plugin for name, (plugin, _) in installed().items()}, "fake": Fake()})


@dataclass
class FakeStore:
    """A secret store of kind `fake` whose proof is what a test says; it is its own session."""

    answer: Callable[[SecretSlot], Proof]
    name: str = "fake"
    config_schema: JsonObject = field(default_factory=lambda: {"type": "object"})
    scope_schema: JsonObject = field(default_factory=lambda: {"type": "object"})

    def locate(self, scope: str, key: str, settings: JsonObject) -> tuple[str, str]:  # noqa: ARG002 - the contract's
        return scope, key

    def open(self, config: JsonObject, environ: Mapping[str, str]) -> StoreSession:  # noqa: ARG002 - the contract's
        return self

    def prove(self, slot: SecretSlot) -> Proof:
        return self.answer(slot)

    def read(self, slot: SecretSlot) -> tuple[Secret, str | None]:
        raise NotImplementedError(slot.ref)


def store_plugins(store: FakeStore) -> Plugins:
    """Nothing but a fake store."""

    class Fake:
        XMC_CONTRACT = 1

        @hookimpl
        def xmc_secret_stores(self) -> Iterable[SecretStore]:
            return (store,)

    return build_plugins({"fake": Fake()})
