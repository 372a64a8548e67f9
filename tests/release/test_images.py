"""Images asked for at a registry on loopback: there, absent, behind a login, and unclear."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gateway.release import images
from gateway.release.images import ImageRegistry, split_image
from gateway.release.model import ReleaseError

DIGEST = "sha256:" + "0" * 64
MOVED = "sha256:" + "1" * 64
MANIFEST = b'{"schemaVersion": 2}'
LOGIN = base64.b64encode(b"ann:pw").decode()


class Distribution(BaseHTTPRequestHandler):
    """`open/app:1` for everybody, `closed/app:1` with a token that needs the login, `sick/app` is a 500; `silent/app`
    names no digest."""

    digests: ClassVar[dict[str, str]] = {}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Say nothing."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        known = {
            "/v2/library/python/manifests/3",
            "/v2/open/app/manifests/1",
            f"/v2/open/app/manifests/{DIGEST}",
        }
        if "oci.image.index" not in self.headers["accept"]:
            self.answer(406)
        elif self.path in known:
            self.answer(200, docker_content_digest=self.digests.get(self.path, DIGEST))
        elif self.path.startswith("/v2/silent/"):
            self.answer(200)
        elif self.path.startswith("/v2/closed/"):
            if self.headers.get("authorization") == "Bearer good":
                self.answer(200, docker_content_digest=MOVED)
            else:
                here = f"http://{self.headers['host']}/token"
                self.answer(401, www_authenticate=f'Bearer realm="{here}",service="s",scope="pull"')
        else:
            self.answer(500 if "sick" in self.path else 404)

    def do_GET(self) -> None:
        if self.path.startswith("/v2/silent/app"):
            self.answer(200, MANIFEST)
            return
        good = (
            self.headers.get("authorization") == f"Basic {LOGIN}"
            and "service=s&scope=pull" in self.path
        )
        self.answer(200 if good else 401, b'{"token": "good"}' if good else b"")


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Distribution)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("gateway:1", (None, "gateway", "1")),
        ("team/gateway", (None, "team/gateway", "latest")),
        ("registry.example.com/team/gateway:1", ("registry.example.com", "team/gateway", "1")),
        ("localhost:5000/gateway:1", ("localhost:5000", "gateway", "1")),
        (f"localhost/gateway:1@{DIGEST}", ("localhost", "gateway", DIGEST)),
    ],
)
def test_names(image: str, parts: tuple[str | None, str, str]) -> None:
    assert split_image(image) == parts


def test_answers(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    there = f"{registry}/open/app:1"
    found = ImageRegistry(None).problems(
        [
            there,
            f"{registry}/open/app@{DIGEST}",
            f"{registry}/open/app:2",
            f"{registry}/sick/app:1",
            f"{registry}/closed/app:1",
        ],
    )
    assert list(found.values()) == [
        None,
        None,
        "does not exist",
        "its registry answers 500",
        "its registry answers 401",
    ]
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry: {"auth": LOGIN}}}))
    closed = f"{registry}/closed/app:1"
    assert ImageRegistry(None).problems([closed]) == {closed: None}
    assert ImageRegistry(None).digest_of(closed) == MOVED


def test_a_bare_name_is_asked_for_at_the_clusters_registry(registry: str) -> None:
    assert ImageRegistry(registry).problems(["open/app:1"]) == {"open/app:1": None}
    assert "names no registry" in str(ImageRegistry(None).problems(["open/app:1"])["open/app:1"])


def test_a_registry_that_is_down_is_not_a_yes() -> None:
    found = ImageRegistry(None).problems(["127.0.0.1:1/open/app:1"])
    assert "cannot be asked" in str(found["127.0.0.1:1/open/app:1"])


def test_a_tag_is_looked_up_once(registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever moves it while a release is under way changes nothing."""
    image, known = f"{registry}/open/app:1", ImageRegistry(None)
    assert known.digest_of(image) == DIGEST
    monkeypatch.setitem(Distribution.digests, "/v2/open/app/manifests/1", MOVED)
    assert known.digest_of(image) == DIGEST
    assert ImageRegistry(None).digest_of(image) == MOVED
    assert known.digest_of(f"{registry}/open/app@{DIGEST}") == DIGEST


def test_the_digest_is_that_of_the_manifest_where_the_registry_names_none(registry: str) -> None:
    wanted = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
    assert ImageRegistry(None).digest_of(f"{registry}/silent/app:1") == wanted


def test_a_digest_that_is_not_known_is_said(registry: str) -> None:
    with pytest.raises(ReleaseError, match=r"open/app:2: does not exist"):
        ImageRegistry(None).digest_of(f"{registry}/open/app:2")
    with pytest.raises(ReleaseError, match="cannot be asked"):
        ImageRegistry(None).digest_of("127.0.0.1:1/open/app:1")
    with pytest.raises(ReleaseError, match="answers 500"):
        ImageRegistry(None).digest_of(f"{registry}/sick/app:1")


def test_docker_hub_answers_at_another_name(registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "HUB_API", registry)
    assert ImageRegistry("docker.io").digest_of("python:3") == DIGEST
    assert ImageRegistry(None).digest_of("docker.io/open/app:1") == DIGEST
