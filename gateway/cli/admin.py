"""The admin port as a command asks it: where it is, with which key, and what is said where nobody answers."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import typer

from gateway.admin.settings import AdminSettings
from gateway.cli.options import fail
from gateway.settings.urls import without_credentials

UrlOption = Annotated[
    str | None,
    typer.Option(help="The admin port; by default that of the configuration, on this machine."),
]


def ask_admin(
    settings: AdminSettings,
    url: str | None,
    path: str,
    timeout_s: float,
    *,
    method: str = "POST",
    params: dict[str, str] | None = None,
    body: Any = None,
) -> tuple[httpx.Response, Any]:
    """Send a command, and give its answer with the JSON in it; ends the command where nobody answers.

    Args:
        settings: `[admin]`: its first key is used.
        url: The port; by default that of the settings, on this machine.
        path: Of the command.
        timeout_s: How long it may take.
        method: HTTP's.
        params: Of the URL.
        body: Sent as JSON.
    """
    keys = list(settings.given.values())
    if not keys:
        fail("admin.keys has no key, and a server without one has no admin port")
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    base = url or f"http://{host}:{settings.port}"
    try:
        answer = httpx.request(
            method,
            f"{base}{path}",
            params=params,
            json=body,
            headers={"authorization": f"Bearer {keys[0]}"},
            timeout=timeout_s,
            trust_env=False,
        )
        return answer, answer.json()
    except httpx.InvalidURL:
        fail(f"{without_credentials(base)} is not a URL")
    except (httpx.HTTPError, ValueError) as exc:
        fail(f"{without_credentials(base)} does not answer: {exc or type(exc).__name__}")
