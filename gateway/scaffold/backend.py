"""One answer of a backend, for the project that is made of it. The only request that `gateway init` sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from gateway.connectors.response.body_value import BodyReader
from gateway.errors import ConfigError
from gateway.settings.urls import without_credentials

NO_URL_HINT = "write http://host:port/path"
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Backend:
    """Where an answer came from, and its value.

    Attributes:
        base_url: Scheme, host and port.
        path: The rest, query included.
        name: The last part of the path that says something.
        value: What was answered.
    """

    base_url: str
    path: str
    name: str
    value: Any


def ask(url: str, headers: Mapping[str, str], *, is_php: bool) -> Backend:
    """GET a URL and read the answer as a connector would. Errors: ConfigError."""
    parts = _checked(url)
    try:
        answer = httpx.get(url, headers=dict(headers), timeout=TIMEOUT_S, follow_redirects=False)
    except httpx.HTTPError as exc:
        why = str(exc) or type(exc).__name__
        hint = "start the service, or make a project without one: gateway init"
        raise ConfigError(f"{url} cannot be read: {why}", hint=hint) from exc
    if answer.is_redirect:
        to = without_credentials(answer.headers.get("location", ""))
        raise ConfigError(f"{url} redirects", hint=f"give {to}")
    if not answer.is_success:
        hint = "a header that it asks for is given by --header 'name: value'"
        raise ConfigError(f"{url} answers {answer.status_code}", hint=hint)
    reader = BodyReader(is_php, wants_members=True, mended=lambda: None)
    kind = answer.headers.get("content-type", "")
    try:
        read = reader.decode(answer.content, answer.status_code, kind)
    except (ValueError, LookupError, RecursionError) as exc:
        raise ConfigError(f"{url} answers what cannot be read: {exc}") from exc
    if not isinstance(read.value, dict | list) or not read.value:
        why = read.why or "an object or a list with something in it is needed"
        hint = "" if is_php else "an answer of PHP, with notices around it, is read by --php"
        raise ConfigError(f"{url} gives no data: {why}", hint=hint or None)
    path = parts.path or "/"
    names = [part.partition(".")[0] for part in path.split("/")]
    name = next((n for n in reversed(names) if n and not n.isdigit() and n != "index"), "items")
    whole = path + (f"?{parts.query}" if parts.query else "")
    return Backend(f"{parts.scheme}://{parts.netloc}", whole, name, read.value)


def _checked(url: str) -> Any:
    """The parts of a URL that can stand in a schema. Errors: ConfigError."""
    shown = without_credentials(url)
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018 - raises for one that is none
    except ValueError as exc:
        raise ConfigError(f"{shown!r} is no URL", hint=NO_URL_HINT) from exc
    if not is_usable:
        raise ConfigError(f"{shown!r} is no URL", hint=NO_URL_HINT)
    if parts.username or parts.password:
        hint = "credentials are a header: --header 'authorization: Basic …'"
        raise ConfigError("the URL holds a user name or a password", hint=hint)
    if set('{}"\\') & set(url):
        raise ConfigError(f"{url!r} has characters that a URL template cannot hold")
    return parts
