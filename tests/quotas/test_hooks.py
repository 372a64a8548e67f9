"""Quotas beside hooks: whose quota it is when a hook says who asks, and what is paid for what a hook refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.testing import GatewayClient
from tests.hooks.project import HOOKS, write

QUOTAS = """
[cost]
mode = "enforce"
[[quotas.policies.default.windows]]
requests = 2
seconds = 3600
[[quotas.policies.gold.windows]]
requests = 100
seconds = 3600
"""
LIMITED = HOOKS.replace(
    'Principal(id=user, kind="user")',
    'Principal(id=user, kind="user", limits=request.headers.get("x-limits"))',
).replace('@principal(vary="x-user")', '@principal(vary=("x-user", "x-limits"))')


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GatewayClient]:
    monkeypatch.syspath_prepend(str(tmp_path))
    async with GatewayClient(write(tmp_path, "quota_hooks", LIMITED, more=QUOTAS)) as found:
        yield found


async def statuses(client: GatewayClient, count: int, **headers: str) -> list[int]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [(await client.execute("{ hello }", headers=named)).status for _ in range(count)]


async def test_each_principal_of_a_hook_has_a_quota_of_its_own(client: GatewayClient) -> None:
    assert await statuses(client, 3, x_user="ann") == [200, 200, 429]
    assert await statuses(client, 3, x_user="bob") == [200, 200, 429]
    assert await statuses(client, 3) == [200, 200, 429]  # nobody: its address
    assert await statuses(client, 5, x_user="eve", x_limits="gold") == [200] * 5


async def test_a_policy_that_only_a_hook_knows_is_not_no_policy(client: GatewayClient) -> None:
    assert await statuses(client, 1, x_user="eve", x_limits="none") == [500]


async def test_what_a_hook_refuses_or_answers_costs_nothing(client: GatewayClient) -> None:
    user = {"x-user": "ann"}
    for _ in range(3):
        for closed in ("refused", "answered"):
            sent = {"x-closed": closed, **user}
            response = await client.http.post("/graphql", json={"query": "{ hello }"}, headers=sent)
            assert (response.status_code, "ratelimit" in response.headers) == (503, False)
        dear = await client.execute("query Dear { hello }", headers=user)
        assert dear.errors[0]["extensions"]["code"] == "PLAN"
    assert await statuses(client, 3, x_user="ann") == [200, 200, 429]


async def test_hooks_of_responses_see_what_a_quota_refuses(client: GatewayClient) -> None:
    headers = {"x-user": "ann", "x-stamp": "yes"}
    found = [await client.execute("{ hello }", headers=headers) for _ in range(3)]
    assert [one.headers["x-stamp"] for one in found] == ["Hello"] * 3
    assert [one.extensions for one in found] == [{"stamp": "yes"}] * 3
    assert (found[2].status, int(found[2].headers["retry-after"]) > 0) == (429, True)
