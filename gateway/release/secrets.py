"""Finds secrets in plain text in planned objects: by the name that a value stands under, and by what it looks like.

Every place of every object is looked at, and files within them. Pure. It gives no value back, only where one stands.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

from gateway.app.config import Config
from gateway.release.configured import pod_settings, texts_of
from gateway.release.manifests import containers, key, pod_specs
from gateway.release.model import Object
from gateway.release.secret_files import secrets_in_file
from gateway.release.secret_forms import (
    is_harmless,
    is_reference,
    looks_random,
    looks_secret,
    names_secret,
    secrets_within,
)
from gateway.settings.hints import field_hints, item_of, table_of

# Kubernetes' own fields that name a Secret, or a part of one.
NAMES_A_SECRET = frozenset({
    "secretName", "secretKeyRef", "secretRef", "imagePullSecrets", "secretStoreRef", "secretKey", "serviceAccountName",
    "remoteRef", "target",
})  # fmt: skip
# Annotations of ingress controllers and clouds that sound like secrets and are none.
ANNOTATIONS = re.compile(
    r"(?i)(^checksum|/(auth-(secret|secret-type|type|realm|method|tls-.*)|proxy-ssl-secret|affinity|affinity-mode|"
    r"session-cookie-.*|proxy-cookie-.*|token-expiration|private-key-(algorithm|encoding|size|rotation-policy)))$|^checksum/"
)
_LOOKS = "holds what looks like a secret; refer to a Secret"


def find_secrets(objects: Sequence[Object]) -> Iterator[str]:
    """Where a secret stands in plain text, in words that name the object and the key."""
    for pod in pod_settings(objects):
        yield from _in_settings(pod.name, pod.overrides)
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            for variable in container.get("env", []):
                yield from _in_variable(name, str(variable["name"]), variable.get("value"))
    for item in objects:
        files = item.get("data") or {} if item["kind"] == "ConfigMap" else {}
        for file, text in files.items():
            yield from _in_file(key(item), str(file), str(text))
        yield from _in_object(item)


def objects_with_secrets(objects: Sequence[Object]) -> frozenset[str]:
    """Keys of objects that hold a secret in plain text: their text is not shown, also where one is being taken out."""
    return frozenset(found.partition(": ")[0] for found in find_secrets(objects))


def is_secret_setting(path: Sequence[str]) -> bool:
    """Whether a key of gateway.toml holds a secret.

    Names that the settings have themselves say nothing, `authentication.jwt.cookie` is the name of one; names that are
    free do, `headers.x-api-key`.
    """
    if list(path[:2]) == ["admin", "keys"]:
        return True
    hint: Any = Config
    for part in path:
        table = table_of(hint) if hint is not None else None
        is_known = table is not None and part in field_hints(table) and part != "secret"
        if not is_known and names_secret(part):
            return True
        if hint is not None:
            hint = field_hints(table).get(part) if table else item_of(hint)
    return False


def _in_variable(name: str, variable: str, value: Any) -> Iterator[str]:
    if value is None:
        return
    # A setting's is looked at as the gateway reads it: `jwt` in its name says nothing.
    is_setting = variable.upper().startswith("GATEWAY_") and "__" in variable
    if not is_setting and secrets_within({variable: str(value)}):
        yield f"{name}: {variable} stands in plain text; refer to a Secret"
    if looks_secret(str(value)) or looks_random(str(value)):
        yield f"{name}: {variable} {_LOOKS}"


def _in_file(name: str, file: str, text: str) -> Iterator[str]:
    if file.endswith(".toml"):
        try:
            yield from _in_settings(name, tomllib.loads(text))
        except tomllib.TOMLDecodeError:
            yield f"{name}: {file} is not TOML"
        return
    for place in dict.fromkeys(secrets_in_file(file, text)):
        yield f"{name}: {file}, {place}, {_LOOKS}"


def _in_settings(name: str, tables: Any) -> Iterator[str]:
    found = secrets_within(tables, is_named=is_secret_setting)
    # A secret by its place: digits are one too.
    found += [
        ".".join(at)
        for at, text in texts_of(tables)
        if (at[:2] == ("admin", "keys") or at[-1:] == ("secret",)) and not is_reference(text)
    ]
    # What goes along with metrics and traces is the collector's key, whatever its header is called.
    for table, headers in (("metrics", "otlp_headers"), ("tracing", "headers")):
        telemetry = tables.get("telemetry") or {}
        given = telemetry.get(table) if isinstance(telemetry, dict) else None
        for at, text in texts_of((given or {}).get(headers) if isinstance(given, dict) else None):
            if not is_harmless(text):
                found.append(".".join(("telemetry", table, headers, *at)))
    for path in dict.fromkeys(found):
        yield f"{name}: {path} stands in plain text; write ${{NAME}} and set NAME under secrets.env"
    for at, text in texts_of(tables):
        if looks_secret(text) or looks_random(text):
            yield f"{name}: {'.'.join(at)} {_LOOKS}"


def _in_object(item: Object) -> Iterator[str]:
    """Names and forms everywhere but in files and variables, which are read as what they are."""
    rest = {
        name: value
        for name, value in item.items()
        if not (item["kind"] == "ConfigMap" and name == "data")
    }
    if item["kind"] == "SealedSecret":
        spec = rest.get("spec") or {}
        rest["spec"] = {
            name: value for name, value in spec.items() if name != "encryptedData"
        }  # ciphertext
    pruned = _without_references(rest)
    for path in secrets_within(pruned):
        yield f"{key(item)}: {path} stands in plain text; refer to a Secret"
    for at, text in texts_of(pruned):
        is_digest = at[-1:] == ("image",) or any(map(ANNOTATIONS.search, at))
        if looks_secret(text) or (looks_random(text) and not is_digest and "annotations" in at):
            yield f"{key(item)}: {'.'.join(at)} {_LOOKS}"


def _without_references(value: Any) -> Any:
    """An object without the fields that only name a Secret, and without variables."""
    if isinstance(value, dict):
        return {
            name: _without_references(inner)
            for name, inner in value.items()
            if name not in NAMES_A_SECRET and not ANNOTATIONS.search(str(name)) and name != "env"
        }
    if isinstance(value, list):
        return [_without_references(inner) for inner in value]
    return value
