"""The graph over the real pages, served by PHP's own server."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

LEGACY = Path(__file__).resolve().parent.parent / "legacy"


@pytest.fixture(scope="module")
def legacy():
    """The URL of the pages."""
    if shutil.which("php") is None:
        pytest.skip("PHP is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["php", "-q", "-S", f"127.0.0.1:{port}", "-t", LEGACY], stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert time.monotonic() < deadline, "PHP does not listen"
            assert server.poll() is None, "PHP has ended"
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def test_text_becomes_what_the_schema_asks_for(gateway_client, legacy):
    client = gateway_client(sources={"legacy": legacy})
    result = client.execute(
        "{ articles(ids: [1, 3]) { id title stock price since stats { views } } }"
    )
    assert result.errors == []
    assert result.data == {
        "articles": [
            {"id": "1", "title": "Cup", "stock": 42, "price": 4.5, "since": "2026-07-01T10:00:00+02:00", "stats": {"views": 7}},
            {"id": "3", "title": "Jug", "stock": None, "price": 12.0, "since": "2026-01-01T10:00:00+01:00", "stats": {"views": None}},
        ]
    }  # fmt: skip


def test_the_session_goes_along_and_no_other_cookie(gateway_client, legacy):
    session = httpx.get(f"{legacy}/login.php?name=Ada").cookies["PHPSESSID"]
    client = gateway_client(sources={"legacy": legacy})
    assert client.execute("{ me }").data == {"me": None}
    cookies = {"cookie": f"theme=dark; PHPSESSID={session}"}
    assert client.execute("{ me }", headers=cookies).data == {"me": "Ada"}
