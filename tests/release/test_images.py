"""Images asked for at a registry on loopback: there, absent, behind a login, and unclear."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.release.images import check_images, split_image

DIGEST = "sha256:" + "0" * 64
LOGIN = base64.b64encode(b"ann:pw").decode()


class Registry(BaseHTTPRequestHandler):
    """`open/app:1` for everybody, `closed/app:1` with a token that needs the login, `sick/app` is a 500."""

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
        known = {"/v2/open/app/manifests/1", f"/v2/open/app/manifests/{DIGEST}"}
        if "oci.image.index" not in self.headers["accept"]:
            self.answer(406)
        elif self.path in known:
            self.answer(200)
        elif self.path.startswith("/v2/closed/"):
            if self.headers.get("authorization") == "Bearer good":
                self.answer(200)
            else:
                here = f"http://{self.headers['host']}/token"
                self.answer(401, www_authenticate=f'Bearer realm="{here}",service="s",scope="pull"')
        else:
            self.answer(500 if "sick" in self.path else 404)

    def do_GET(self) -> None:
        good = (
            self.headers.get("authorization") == f"Basic {LOGIN}"
            and "service=s&scope=pull" in self.path
        )
        self.answer(200 if good else 401, b'{"token": "good"}' if good else b"")


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
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
    found = check_images(
        [
            there,
            f"{registry}/open/app@{DIGEST}",
            f"{registry}/open/app:2",
            f"{registry}/sick/app:1",
            f"{registry}/closed/app:1",
        ],
        None,
    )
    assert list(found.values()) == [
        None,
        None,
        "does not exist",
        "its registry answers 500",
        "its registry answers 401",
    ]
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry: {"auth": LOGIN}}}))
    assert check_images([f"{registry}/closed/app:1"], None) == {f"{registry}/closed/app:1": None}


def test_a_bare_name_is_asked_for_at_the_clusters_registry(registry: str) -> None:
    assert check_images(["open/app:1"], registry) == {"open/app:1": None}
    assert "names no registry" in str(check_images(["open/app:1"], None)["open/app:1"])


def test_a_registry_that_is_down_is_not_a_yes() -> None:
    found = check_images(["127.0.0.1:1/open/app:1"], None)
    assert "cannot be asked" in str(found["127.0.0.1:1/open/app:1"])
