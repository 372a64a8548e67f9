"""Does an image exist? Asked of its registry by the distribution API, with docker's stored login.

It pulls nothing, and an answer that is not a plain yes is never taken for one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

import httpx

ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


def split_image(image: str) -> tuple[str | None, str, str]:
    """Registry host (None where the name has none), repository, tag or digest."""
    name, at, digest = image.partition("@")
    head, slash, rest = name.partition("/")
    qualified = bool(slash) and ("." in head or ":" in head or head == "localhost")
    host, repository = (head, rest) if qualified else (None, name)
    if at:
        return host, repository.partition(":")[0], digest
    repository, _, tag = repository.partition(":")
    return host, repository, tag or "latest"


def check_images(images: Iterable[str], registry: str | None) -> dict[str, str | None]:
    """Each image → None when it exists, otherwise why that could not be confirmed.

    Args:
        registry: Host for names without one; what the cluster's nodes use.
    """
    with httpx.Client(timeout=10) as client:
        return {image: _problem(client, image, registry) for image in images}


def _problem(client: httpx.Client, image: str, registry: str | None) -> str | None:
    host, repository, reference = split_image(image)
    host = host or registry
    if host is None:
        return "it names no registry, and targets.yaml has no `registry`"
    scheme = "http" if re.match(r"^(localhost|127\.0\.0\.1)(:|$)", host) else "https"
    url = f"{scheme}://{host}/v2/{repository}/manifests/{reference}"
    try:
        answer = client.head(url, headers={"accept": ACCEPT})
        if answer.status_code == 401:
            authorization = _authorize(client, answer.headers.get("www-authenticate", ""), host)
            answer = client.head(url, headers={"accept": ACCEPT, "authorization": authorization})
    except httpx.HTTPError as exc:
        return f"its registry cannot be asked ({exc})"
    if answer.status_code == 200:
        return None
    if answer.status_code == 404:
        return "does not exist"
    return f"its registry answers {answer.status_code}"


def _authorize(client: httpx.Client, challenge: str, host: str) -> str:
    """The header that a registry's challenge asks for."""
    login = _login(host)
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() != "bearer":
        return f"Basic {login}" if login else ""
    parameters = dict(_CHALLENGE.findall(rest))
    realm = parameters.pop("realm", "")
    headers = {"authorization": f"Basic {login}"} if login else {}
    answer = client.get(realm, params=parameters, headers=headers)
    if answer.status_code != 200:
        return ""
    found = answer.json()
    return f"Bearer {found.get('token') or found.get('access_token')}"


def _login(host: str) -> str | None:
    """Docker's stored login for a host, as it stands there: base64 of user:password."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    entry = stored.get("auths", {}).get(host, {})
    return entry.get("auth") or None
