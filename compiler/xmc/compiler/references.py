"""Secret references and other `{{…}}`: in their places, out of place, malformed. Never shows a value."""

import re

from xmc.compiler.braces import SECRETS
from xmc.compiler.explain import either_or
from xmc.compiler.lift import SUFFIX, SecretField, secret_fields
from xmc.compiler.node import Path, Scalar, follow, walk
from xmc.compiler.report import Report
from xmc.compiler.spec import EntityView, SpecView
from xmc.plugins import Plugins
from xmc.schema import JsonObject, SecretRef

_REFERENCE = re.compile(r"\{\{\s*secrets/[A-Za-z0-9_.@-]+/[A-Za-z0-9_.@-]+\s*\}\}")
_FORM = '"{{secrets/scope/key}}"'


def check_references(report: Report, spec: SpecView, plugins: Plugins) -> None:
    """Report what is wrong with the `{{…}}` of a spec, and warn of typed-in secrets."""
    known: set[Path] = set()
    opaque: list[Path] = []
    for endpoint in spec.endpoints:
        for entity in endpoint.entities:
            provider = plugins.providers.get(entity.provider or "")
            if provider is None:
                opaque.append(entity.external)
                continue
            config = (*entity.external, provider.config_key)
            known |= _check_fields(report, entity, config, provider.config_schema)
    for path, node in walk(report.root):
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or "{{" not in node.value:
            continue
        if path in known or report.is_wrong(path) or _is_config_of(opaque, path):
            continue
        _check_open(report, path, node.value)


def _is_config_of(externals: list[Path], path: Path) -> bool:
    """Tell whether a path is in the configuration of a provider that nobody knows, hence with fields nobody knows."""
    return any(len(path) > len(one) + 1 and path[: len(one)] == one for one in externals)


def _check_fields(report: Report, entity: EntityView, config: Path, schema: JsonObject) -> set[Path]:
    fields = list(secret_fields(schema, follow(report.root, config)))
    for field in fields:
        path = (*config, *field.path)
        if not report.is_wrong(path) and isinstance(field.node, Scalar):
            if field.typed_in:
                _check_typed_in(report, path, field, entity)
            else:
                _check_reference(report, path, field, schema)
    _check_pairs(report, config, fields)
    return {(*config, *field.path) for field in fields}


def _check_pairs(report: Report, config: Path, fields: list[SecretField]) -> None:
    """`K` and `K_plaintext` exclude each other, whatever the provider's schema says about it."""
    written = {field.path for field in fields if not field.typed_in}
    for field in fields:
        if field.typed_in and field.target in written:
            keys = (str(field.target[-1]), str(field.path[-1]))
            parent = (*config, *field.path[:-1])
            if not any(report.is_wrong((*parent, key)) for key in keys):
                either_or(report, parent, keys)


def _check_reference(report: Report, path: Path, field: SecretField, schema: JsonObject) -> None:
    text = field.node.value if isinstance(field.node, Scalar) else None
    if isinstance(text, str) and SecretRef.parse(text) is not None:
        return
    key = str(path[-1])
    if isinstance(text, str) and "{{" in text:
        message = f"the reference in `{key}` is malformed; the whole value must be {_FORM}"
        hint = "scope and key are written out: letters, digits, _ . @ - only; `secrets: scopes:` maps scopes to places"
        report.add("XMC504", path, message, hint=hint)
        return
    hint = f"write {key}: {_FORM}"
    if f'"{key}{SUFFIX}"' in _names(schema):
        hint += f", or move the value to `{key}{SUFFIX}`"
    report.add("XMC501", path, f"`{key}` takes a secret reference, not a value", hint=hint)


def _check_typed_in(report: Report, path: Path, field: SecretField, entity: EntityView) -> None:
    text = field.node.value if isinstance(field.node, Scalar) else None
    key, plain_key = str(field.target[-1]), str(path[-1])
    if not isinstance(text, str):
        return  # a wrong type, which `check` reports
    if SECRETS.search(text):
        message = f"`{plain_key}` takes the value itself, not a reference"
        report.add("XMC505", path, message, hint=f"move the reference to `{key}`")
    elif not text:
        report.add("XMC204", path, f"`{plain_key}` is empty", hint=f"use `{key}: {_FORM}`")
    else:
        scope = entity.provider or "scope"
        message = f"a secret is typed in at `{plain_key}`; this file must be kept as safe as the secret"
        hint = f'put it into a store and write {key}: "{{{{secrets/{scope}/{key}}}}}"'
        report.add("XMC503", path, message, hint=hint)


def _check_open(report: Report, path: Path, text: str) -> None:
    name = report.name(path)
    if SECRETS.search(text) and not _REFERENCE.search(text):
        message = f"the reference in `{name}` is malformed, and `{name}` is not a secret"
        report.add("XMC504", path, message, hint=f"a reference is {_FORM}, as a whole value, in a secret field")
    elif SECRETS.search(text):
        message = f"`{name}` is not a secret field; a secret here would be sent and shown in the open"
        report.add("XMC502", path, message, hint="use the provider's own field for the secret")
    else:
        message = f"`{name}` comes to a text with braces, which is not worked out again"
        report.add("XMC209", path, message, hint="write the value itself")


def _names(schema: JsonObject) -> str:
    """All of a schema as text, to look a quoted property name up in."""
    import json  # noqa: PLC0415 - only for a spec that is wrong

    return json.dumps(schema)
