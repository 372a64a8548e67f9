"""Does an image exist, and which one is it? Asked of its registry by the distribution API, with docker's stored login.

It pulls nothing, and an answer that is not a plain yes is never taken for one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

import httpx

from gateway.release.model import ReleaseError

ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
# Docker Hub: what it is called in names of images, where it answers, and what docker's logins call it.
HUB = ("docker.io", "index.docker.io")
HUB_API = "registry-1.docker.io"
HUB_LOGIN = "https://index.docker.io/v1/"
# What a registry that answers says of an image that it has not.
NOT_THERE = "does not exist"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# Source: the distribution project's grammar of references, the host in lower case as everybody writes it.
_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_HOST = rf"{_LABEL}(\.{_LABEL})*(:[0-9]{{1,5}})?"
_PART = r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(/{_PART})*")
_FULL = re.compile(rf"{_HOST}/{_REPOSITORY.pattern}")
_REFERENCE = re.compile(r"(?P<name>[^@]*?)(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?", re.ASCII)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


def split_image(image: str) -> tuple[str | None, str, str]:
    """ImageRegistry host (None where the name has none), repository, tag or digest."""
    name, at, digest = image.partition("@")
    head, slash, rest = name.partition("/")
    qualified = bool(slash) and ("." in head or ":" in head or head == "localhost")
    host, repository = (head, rest) if qualified else (None, name)
    if at:
        return host, repository.partition(":")[0], digest
    repository, _, tag = repository.partition(":")
    return host, repository, tag or "latest"


def full_name(image: str, registry: str | None) -> str | None:
    """`registry.example.com/team/gateway` of an image, a bare name as that of the registry; None where it is no name.

    Where there is no registry a bare name stays as it is.
    """
    found = _REFERENCE.fullmatch(image)
    if found is None:
        return None
    name = found["name"]
    host, repository, _ = split_image(name)
    if host is None:
        full = f"{registry}/{repository}" if registry else repository
        return full if _REPOSITORY.fullmatch(name) else None
    return name if _FULL.fullmatch(name) else None


class ImageRegistry:
    """What registries say of images. A tag is looked up once: whoever moves it meanwhile changes nothing.

    Args:
        host: The registry that names without one mean; what the cluster's nodes use.
    """

    def __init__(self, host: str | None) -> None:
        self._host = host
        self._digests: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"ImageRegistry({self._host!r}, {len(self._digests)} tags known)"

    def digest_of(self, image: str) -> str:
        """The digest that an image's tag has, or had when it was first asked for.

        Errors: ReleaseError saying why that is not known.
        """
        if "@" in image:
            digest = split_image(image)[2]
            if not _DIGEST.fullmatch(digest):
                raise ReleaseError(f"image {image}: a digest is sha256: and 64 hex digits")
            return digest
        if image not in self._digests:
            with httpx.Client(timeout=10) as client:
                answer = _ask(client, image, self._host)
                if isinstance(answer, str):
                    raise ReleaseError(f"image {image}: {answer}")
                self._digests[image] = _digest(client, answer)
        return self._digests[image]

    def problems(self, images: Iterable[str]) -> dict[str, str | None]:
        """Each image → None when it exists, otherwise why that could not be confirmed."""
        with httpx.Client(timeout=10) as client:
            answers = {image: _ask(client, image, self._host) for image in images}
        return {
            image: answer if isinstance(answer, str) else None for image, answer in answers.items()
        }


def _ask(client: httpx.Client, image: str, registry: str | None) -> httpx.Response | str:
    """A registry's answer about an image that it has; otherwise what is wrong."""
    host, repository, reference = split_image(image)
    host = host or registry
    if host is None:
        return "it names no registry, and targets.yaml has no `registry`"
    if host in HUB:
        host, repository = HUB_API, repository if "/" in repository else f"library/{repository}"
    scheme = "http" if re.match(r"^(localhost|127\.0\.0\.1)(:|$)", host) else "https"
    url = f"{scheme}://{host}/v2/{repository}/manifests/{reference}"
    headers = {"accept": ACCEPT}
    try:
        answer = client.head(url, headers=headers)
        if answer.status_code == 401:
            challenge = answer.headers.get("www-authenticate", "")
            headers["authorization"] = _authorize(client, challenge, host)
            answer = client.head(url, headers=headers)
    except httpx.HTTPError as exc:
        return f"its registry cannot be asked ({exc})"
    if answer.status_code == 200:
        return answer
    if answer.status_code == 404:
        return NOT_THERE
    return f"its registry answers {answer.status_code}"


def _digest(client: httpx.Client, answer: httpx.Response) -> str:
    """The digest of a manifest that a registry has: as it says, or of the manifest's own bytes.

    Source: OCI distribution specification, "Checking if content exists in the registry".
    """
    told = answer.headers.get("docker-content-digest", "")
    if _DIGEST.fullmatch(told):
        return str(told)
    try:
        whole = client.get(answer.request.url, headers=answer.request.headers)
        whole.raise_for_status()
    except httpx.HTTPError as exc:
        raise ReleaseError(f"{answer.request.url}: its registry cannot be asked ({exc})") from exc
    return f"sha256:{hashlib.sha256(whole.content).hexdigest()}"


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
    entry = stored.get("auths", {}).get(HUB_LOGIN if host == HUB_API else host, {})
    return entry.get("auth") or None
