"""A partner's day: it gets a key, sees its part of the schema, is counted, and is known before a change breaks it."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.testing import BlockingGatewayClient

PROJECT = Path(__file__).resolve().parent.parent
ORDERS = {"GET /status": {"status": "open"}, "GET /orders": [{"id": 7, "total": 30}]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = shutil.copytree(PROJECT, tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def told(*arguments, code=0):
    """What a command prints."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, result.output
    return result.stdout


def test_a_day(folder):
    key = told("keys", "create", "--client", "acme", "--view", "partner", "--name", "web").strip()
    headers = {"x-api-key": key, "graphql-client-name": "acme", "graphql-client-version": "1.2"}
    with BlockingGatewayClient("gateway.toml", sources={"orders": ORDERS}) as client:
        fields = client.execute('{ __type(name: "Order") { fields { name } } }', headers=headers)
        assert fields.data == {"__type": {"fields": [{"name": "id"}]}}  # and one that is deprecated
        (error,) = client.execute("{ orders { margin } }", headers=headers).errors
        assert error["message"] == "Cannot query field 'margin' on type 'Order'."
        result = client.execute("query Orders { orders { id total } }", headers=headers)
        assert result.data == {"orders": [{"id": "7", "total": 30}]}
        client.execute("query Ours { orders { id } status }", headers={"x-api-key": key})

    # The server has ended: what was used is in its file.
    (row,) = map(
        json.loads, told("usage", "--deprecated", "--by", "version", "--json").splitlines()
    )
    assert (row["coordinate"], row["client"], row["version"]) == ("Order.total", "acme", "1.2")

    change = "Field Order.total was removed. 1 request: acme 1.2 1."
    checked = ("--schema", "proposed.graphql", "--against", "schema.graphql")
    assert f"error: {change}" in told("check", *checked, "--usage", "usage.jsonl", code=1)
    unhurt = told("check", *checked, "--usage", "usage.jsonl", "--min-requests", "2")
    assert "note: Field Order.margin was removed. No client uses it." in unhurt

    shown = told("partner", "show", "acme", "--against", "proposed.graphql", code=1)
    assert f"breaks: {change}" in shown
    assert "web: live, 0 days old, view partner" in shown
    partner = json.loads(told("partner", "show", "acme", "--json"))
    assert partner["usage"]["requests"] == 3
    assert [one["coordinate"] for one in partner["usage"]["deprecated"]] == ["Order.total"]
    assert key not in json.dumps(partner)
    assert "digest" not in partner["keys"][0]
    told("partner", "show", "nobody", code=2)


def test_what_partners_see(folder):
    seen = told("schema", "--view", "partner")
    assert "margin" not in seen
    assert "total: Int @deprecated" in seen
