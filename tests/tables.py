"""Small routing tables for tests that need one without a compiler."""

from typing import Any

from xmc.schema import Auth, Endpoint, Entity, Principal, Table, Target, Task


def make_target(model: str, task: Task, provider: str = "custom") -> Target:
    return Target(
        provider=provider, task=task, model=model, url=f"http://127.0.0.1:9/v1/{model}", auth=Auth(scheme="none")
    )


def make_endpoint(
    name: str, *entities: str, task: Task = Task.CHAT, provider: str = "custom", document: dict[str, Any] | None = None
) -> Endpoint:
    names = entities or ("main",)
    share = 100 // len(names)
    return Endpoint(
        name=name,
        task=task,
        entities=tuple(
            Entity(name=entity, weight=share, target=make_target(entity, task, provider)) for entity in names
        ),
        document=document or {},
    )


def make_table(*endpoints: Endpoint, principals: tuple[Principal, ...] = (), digest: str = "sha256:0") -> Table:
    return Table(endpoints=endpoints, contract=0, principals=principals, digest=digest)
