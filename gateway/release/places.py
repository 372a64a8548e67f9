"""Checks what targets.yaml says of its places: texts that would be taken though they mean nothing, or another place.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway.release.model import ReleaseError, Target
from gateway.release.reach import parse_network

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
# `.example.com` is every name below it; `.com` would be nearly every host that there is.
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*|(\.{_LABEL}){{2,}}")
# A name, or `name=value`.
_ANNOTATION = re.compile(
    r"([a-z0-9.-]+/)?[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?(=[^\x00-\x1f]+)?", re.ASCII
)
_LISTENER = re.compile(rf"{_LABEL}/{_LABEL}(\.{_LABEL})*/{_LABEL}(\.{_LABEL})*")
_NAMES = {
    "sourceHosts": _HOST,
    "annotations": _ANNOTATION,
    "listeners": _LISTENER,
    "hosts": _HOST,
    "namespaces": re.compile(_LABEL),
}


def check_place(where: str, place: Mapping[str, Any]) -> None:
    """Errors: ReleaseError where a context or URL of a region is none."""
    context = place.get("context")
    if not isinstance(context, str) or not context.strip() or context.startswith("-"):
        raise ReleaseError(
            f"{where}: context is the name of one of the kubeconfig, and not {context!r}"
        )
    for name in ("prometheus", "smoke"):
        value = place.get(name)
        if value is not None and not _is_url(value):
            raise ReleaseError(
                f"{where}: {name} is an http or https URL without ? and #, and not {value!r}"
            )


def _is_url(value: Any) -> bool:
    if not isinstance(value, str) or re.search(r"[\s?#]", value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def check_settings(where: str, environment: str, settings: Mapping[str, Any]) -> None:
    """Errors: ReleaseError where a setting of an environment means nothing, or not what it seems to."""
    if not isinstance(settings.get("checkImages", True), bool):
        raise ReleaseError(
            f"{where}: checkImages is true or false, and not {settings['checkImages']!r}"
        )
    if environment == "production" and "registries" in settings and not settings["registries"]:
        raise ReleaseError(
            f"{where}: registries is empty, so that images of every registry of the file would be taken: name those that "
            "production may have"
        )
    for key, pattern in _NAMES.items():
        for name in settings.get(key) or ():
            if not pattern.fullmatch(str(name)):
                raise ReleaseError(f"{where}: {key}: {name!r} means nothing, or too much")
    for name in settings.get("proxies") or ():
        try:
            parse_network(str(name))
        except ValueError:
            raise ReleaseError(f"{where}: proxies: {name!r} is no network") from None


def check_order(path: object, order: tuple[str, ...]) -> None:
    """Errors: ReleaseError where a region stands there twice."""
    if twice := sorted({name for name in order if order.count(name) > 1}):
        raise ReleaseError(f"{path}: order has {', '.join(twice)} twice")


def check_apart(path: object, targets: Iterable[Target]) -> None:
    """A region is judged by its own Prometheus and endpoint: another's health says nothing of it.

    No two places of any environments have one endpoint; a cluster and its Prometheus may have staging and production.
    """
    seen: dict[tuple[str, str, str], Target] = {}
    for target in targets:
        for name in ("context", "prometheus", "smoke"):
            value = getattr(target, name)
            if not value:
                continue
            among = "" if name == "smoke" else target.environment
            text = value if name == "context" else _normalized(value)
            other = seen.setdefault((among, name, text), target)
            if other is not target:
                raise ReleaseError(f"{path}: {other} and {target} have one {name}: {value}")


def _normalized(url: str) -> str:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{(parts.hostname or '').rstrip('.')}{port}{parts.path.rstrip('/')}"
