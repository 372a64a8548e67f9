"""Finds secrets in plain text: by the name that a value stands under, and by what the value looks like.

Pure. It never gives a value back, only where it stands.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.release.manifests import containers, key, pod_specs
from gateway.release.model import Object

NAME = re.compile(
    r"(?i)(secret|token|passw|passphrase|pwd|private_?-?key|api_?-?key|access_?-?key|credential|authorization|cookie|"
    r"(^|[_-])(auth|dsn|bearer|jwt)([_-]|$))"
)
# Forms that are secrets whatever they are called. A URL's own user name and password are looked at apart.
FORMS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    re.compile(r"(?i)\b(bearer|basic)\s+(?!\$)[A-Za-z0-9+/._~=-]{8,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\."),  # a JWT
    re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\b(ghp|gho|ghs|ghu|github_pat|glpat|xox[abprs]|sk_live|rk_live)[_-][A-Za-z0-9_-]{16,}"),
    re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"),
)  # fmt: skip
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")
# `${NAME}` and what may stand around it: a scheme of authorization, punctuation.
REFERENCE = re.compile(r"^(?i:bearer|basic|token)?\s*\$\{[A-Za-z_][A-Za-z0-9_]*\}$")
# Keys of gateway.toml that sound like secrets and name something else: a variable, a header, a number.
INNOCENT = re.compile(r"(?i)(_env|_header|_headers|_name|_names|_url|_file|_path|_s|_ttl|_claim)$")


def find_secrets(objects: Sequence[Object]) -> Iterator[str]:
    """Where a secret stands in plain text, in words that name the object and the key."""
    for name, variable, value in _variables(objects):
        if NAME.search(variable) and not _is_safe(value):
            yield f"{name}: {variable} stands in plain text; refer to a Secret"
    for item in objects:
        if item["kind"] == "ConfigMap":
            for file, text in item.get("data", {}).items():
                yield from _in_settings(key(item), file, str(text))
        # SealedSecrets hold ciphertext, ExternalSecrets names.
        if item["kind"] not in ("SealedSecret", "ExternalSecret"):
            for path, text in _texts(item):
                if looks_secret(text):
                    yield f"{key(item)}: {path} holds what looks like a secret; refer to a Secret"


def _variables(objects: Sequence[Object]) -> Iterator[tuple[str, str, str]]:
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            for variable in container.get("env", []):
                if "value" in variable:
                    yield name, variable["name"], str(variable["value"])


def _is_safe(value: str) -> bool:
    """A reference, nothing, or a number or truth value: a limit of tokens is no token."""
    text = value.strip()
    return bool(not text or REFERENCE.match(text) or re.fullmatch(r"(?i)true|false|[0-9.]+", text))


def _in_settings(name: str, file: str, text: str) -> Iterator[str]:
    if not file.endswith(".toml"):
        return
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        yield f"{name}: {file} is not TOML"
        return
    for path, value in _texts(tables):
        parts = path.split(".")
        if any(NAME.search(part) and not INNOCENT.search(part) for part in parts) and not _is_safe(
            value
        ):
            yield f"{name}: {path} stands in plain text; write ${{NAME}} and set NAME under secrets.env"


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string in a tree, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{path}.{number}")


def looks_secret(text: str) -> bool:
    """Whether a text holds something that has a secret's form."""
    return any(form.search(text) for form in FORMS) or any(
        _has_password(found[0]) for found in URL.finditer(text)
    )


def _has_password(url: str) -> bool:
    try:
        password = urlsplit(url).password
    except ValueError:
        return False
    return bool(password) and not REFERENCE.match(password or "")
