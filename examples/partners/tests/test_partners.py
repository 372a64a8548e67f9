"""The service is told who asks; what somebody may not see is null, and not asked for."""

import json
import shutil
import time
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from typer.testing import CliRunner

from gateway.cli.app import app

PROJECT = Path(__file__).resolve().parent.parent
ISSUER_KEY = ECKey.generate_key("P-256", {"kid": "of-the-test"})
ORDERS = {
    "GET /status": {"status": "open"},
    "GET /orders": [{"id": 7, "total": 30}],
    "GET /margins": [{"id": 7, "margin": 12}],
}


@pytest.fixture
def client(tmp_path, gateway_client, monkeypatch):
    """The project with keys of the test's own."""
    folder = shutil.copytree(PROJECT, tmp_path / "project")
    keys = {"keys": [ISSUER_KEY.as_dict(private=False)]}
    (folder / "jwks.json").write_text(json.dumps(keys))
    monkeypatch.chdir(folder)
    return gateway_client(folder / "gateway.toml", sources={"orders": ORDERS})


def user(scope):
    claims = {
        "iss": "https://issuer.example/",
        "aud": "https://api.shop.example",
        "sub": "ann",
        "azp": "app",
        "scope": scope,
        "exp": int(time.time()) + 60,
    }
    token = jwt.encode({"alg": "ES256", "kid": "of-the-test"}, claims, ISSUER_KEY)
    return {"authorization": f"Bearer {token}"}


QUERY = "{ status orders { id total margin } }"


def test_nobody_sees_what_is_open(client):
    result = client.execute(QUERY)
    assert result.data == {"status": "open", "orders": None}
    assert result.errors[0]["path"] == ["orders"]
    assert client.sources["orders"].paths == ["GET /status"]


def test_a_user_sees_orders_and_who_may_sees_margins(client):
    result = client.execute(QUERY, headers=user("openid"))
    assert result.data["orders"] == [{"id": "7", "total": 30, "margin": None}]
    assert client.sources["orders"].paths == ["GET /status", "GET /orders"]
    result = client.execute(QUERY, headers=user("openid margin:read"))
    assert result.data["orders"] == [{"id": "7", "total": 30, "margin": 12}]


def test_the_service_is_told_who_asks_and_nobody_else_can_say_it(client):
    client.execute("{ status }", headers={**user(""), "x-user": "root", "x-client": "root"})
    client.execute("{ status }", headers={"x-user": "root"})
    told = [(c.headers["x-user"], c.headers["x-client"]) for c in client.sources["orders"].calls]
    assert told == [("ann", "app"), ("", "")]


def test_a_partners_key(tmp_path, client, gateway_client, monkeypatch):
    folder = tmp_path / "project"
    made = CliRunner().invoke(app, ["keys", "create", "--client", "acme", "--scope", "margin:read"])
    key = made.output.strip()
    client = gateway_client(folder / "gateway.toml", sources={"orders": ORDERS})
    result = client.execute(QUERY, headers={"x-api-key": key})
    assert result.data["orders"] == [{"id": "7", "total": 30, "margin": 12}]
    assert client.sources["orders"].calls[0].headers["x-client"] == "acme"
    assert client.execute(QUERY, headers={"x-api-key": key + "0"}).status == 401
