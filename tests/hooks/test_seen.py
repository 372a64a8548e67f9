"""What hooks are shown is not theirs to change: other requests have it too, or what follows believes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.testing import GatewayClient

SCHEMA = """
extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@connect", "@source"])
@source(name: "api", http: { baseURL: "http://api.test", headers: [{ name: "x-role", value: "{$request.claims.role}" }] })
type Query { role(of: Wanted): String sent: String @connect(source: "api", http: { GET: "/sent" }, selection: "$") }
input Wanted { name: String }
"""
HOOKS = """
from gateway import Principal, on_operation, on_request, principal, resolver


@principal(vary="x-user")
def known(request):
    if "x-user" in request.headers:
        return Principal(id=request.headers["x-user"], kind="user")


@on_request()
def change(request):
    if request.headers.get("x-change") == "claims":
        request.principal.claims["role"] = "admin"
    if request.headers.get("x-change") == "headers":
        request.headers["x-user"] = "eve"


@on_operation(vary="x-change", variables=True)
def change_variables(operation, request):
    if request.headers.get("x-change") == "variables":
        operation.variables["of"]["name"] = "eve"


@resolver("Query.role", vary=("x-user", "$request.claims.role"))
def role(parent, context, of=None):
    return f"{context.headers.get('x-user')} {context.principal.claims.get('role')} {(of or {}).get('name')}"
"""
ASKED = ("query ($of: Wanted) { role(of: $of) sent }", {"of": {"name": "ann"}})


@pytest.mark.parametrize("user", [{}, {"x-user": "ann"}], ids=["anonymous", "known"])
async def test_a_hook_changes_nothing_that_it_is_shown(
    tmp_path: Path, user: dict[str, str]
) -> None:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "hooks_that_change.py").write_text(HOOKS)
    config = tmp_path / "gateway.toml"
    config.write_text('[graph]\nschema = "schema.graphql"\nresolvers = "hooks_that_change"\n')
    sources = {"api": {"GET /sent": "sent"}}
    async with GatewayClient(config, sources=sources) as client:
        for change in ("claims", "headers", "variables"):
            refused = await client.execute(*ASKED, headers={**user, "x-change": change})
            assert refused.data is None
            assert refused.errors[0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
            answered = await client.execute(*ASKED, headers=user)
            assert answered.errors == []
            assert answered.data["role"] == f"{user.get('x-user')} None ann"
        assert {call.headers.get("x-role") for call in client.sources["api"].calls} == {None}
