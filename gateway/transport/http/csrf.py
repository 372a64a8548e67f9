"""Which requests a page of another site may have made a browser send, cookies and all, without asking. Pure.

A browser sends forms and plain GETs anywhere. What it asks about first is another content type, or a header
that no form has: so JSON bodies are safe, and so is every request with a header of our choice.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.errors import ClientError
from gateway.transport.http.cors import Cors
from gateway.transport.settings import CsrfSettings

# `none` is the user's own doing, `same-origin` the gateway's page; no header: no browser, or one of before 2023.
OTHER_SITES = ("cross-site", "same-site")


def check_read(headers: Mapping[str, str], settings: CsrfSettings, cors: Cors | None) -> None:
    """A GET or HEAD. Errors: ClientError(CSRF_ERROR)."""
    if not settings.enabled:
        return
    if settings.get == "guarded":
        if headers.get("sec-fetch-site") not in OTHER_SITES:
            return
        if cors is not None and cors.policy_of(headers.get("origin")) is not None:
            return
    check_form(headers, settings)


def check_form(headers: Mapping[str, str], settings: CsrfSettings) -> None:
    """A request that a form could have sent. Errors: ClientError(CSRF_ERROR)."""
    if settings.enabled and not any(
        headers.get(name.lower()) for name in settings.required_headers
    ):
        names = " or ".join(settings.required_headers)
        raise ClientError(
            f"This request may come from another site's page: send it as a POST of application/json, or "
            f"with a header {names} that is not empty.",
            code="CSRF_ERROR",
        )
