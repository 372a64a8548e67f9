"""Who sees which view: by key, by application, by kind of client; and what a reload changes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_client_schema, get_introspection_query

from gateway.app.gateway import create_app
from gateway.auth.api_keys import ApiKey, ApiKeys, digest_of_key, make_key, utc_now, write_api_keys
from gateway.auth.principal import Principal
from gateway.auth.settings import ClientSettings, DefaultViewSettings
from gateway.client.request import ClientRequest
from gateway.pipeline.view_choice import ViewChoice
from gateway.testing import GatewayClient
from tests.transport.served import served
from tests.transport.sockets import connected

CHOICE = ViewChoice(
    {"acme": ClientSettings(view="partner"), "shop": ClientSettings()},
    DefaultViewSettings(anonymous="public", client="partners"),
)


@pytest.mark.parametrize(
    ("principal", "view"),
    [
        (Principal(), "public"),
        (Principal(id="ann", kind="user"), None),
        (Principal(id="ann", kind="user", client="acme"), "partner"),
        (Principal(id="acme", kind="client", client="acme"), "partner"),
        (Principal(id="acme", kind="client", client="acme", view="own"), "own"),
        (Principal(id="shop", kind="client", client="shop"), "partners"),
    ],
)
def test_the_most_particular_rule_says_the_view(principal: Principal, view: str | None) -> None:
    client = ClientRequest({}, client_name="acme", principal=principal)
    assert CHOICE.of(client) == view


def test_the_name_that_a_client_gives_itself_decides_nothing() -> None:
    assert CHOICE.of(ClientRequest({}, client_name="acme")) == "public"


CONFIG = """
[graph]
schema = "schema.graphql"
resolvers = "who_resolvers"

[views.public]
include_tags = ["open"]

[views.partner]
exclude_tags = ["internal"]

[authorization.default_views]
anonymous = "public"

[batching]
enabled = true

[authentication.api_keys]
file = "keys.json"
"""
RESOLVERS = """
from gateway import resolver, subscription


@resolver("Query.open", vary=())
@resolver("Query.partner", vary=())
@resolver("Query.internal", vary=())
def value(parent, context):
    return 1


@subscription("Subscription.ticks")
@subscription("Subscription.inner")
async def ticks(root, context):
    yield 1
"""
SDL = """
type Query { open: Int @tag(name: "open") partner: Int internal: Int @tag(name: "internal") }
type Subscription { ticks: Int @tag(name: "open") inner: Int }
"""


def save(folder: Path, *views: str | None) -> tuple[Path, list[str]]:
    keys, texts = [], []
    for view in views:
        text, id_ = make_key("gw", "live")
        digest = digest_of_key(text)
        keys.append(ApiKey(id=id_, client="acme", digest=digest, created=utc_now(), view=view))
        texts.append(text)
    (folder / "keys.json").write_bytes(write_api_keys(ApiKeys(tuple(keys))))
    (folder / "schema.graphql").write_text(SDL)
    (folder / "who_resolvers.py").write_text(RESOLVERS)
    (folder / "gateway.toml").write_text(CONFIG)
    return folder / "gateway.toml", texts


async def fields_of(client: GatewayClient, headers: dict[str, str]) -> list[str]:
    result = await client.execute(get_introspection_query(), headers=headers)
    query = build_client_schema(result.data).query_type
    assert query is not None
    return list(query.fields)


async def test_each_key_sees_its_view(tmp_path: Path) -> None:
    path, keys = save(tmp_path, "partner", None)
    async with GatewayClient(path) as client:
        assert await fields_of(client, {}) == ["open"]
        assert await fields_of(client, {"x-api-key": keys[0]}) == ["open", "partner"]
        assert await fields_of(client, {"x-api-key": keys[1]}) == ["open", "partner", "internal"]
        batch = [{"query": "{ open }"}, {"query": "{ partner }"}]
        response = await client.http.post(client.app.path, json=batch)
        assert ["errors" in one for one in response.json()] == [False, True]


WITHOUT_VIEWS = CONFIG[: CONFIG.index("[views.public]")] + CONFIG[CONFIG.index("[batching]") :]


async def status_of(client: GatewayClient, key: str) -> int:
    """How a request with a key is answered."""
    headers = {"x-api-key": key}
    answer = await client.http.post(client.app.path, json={"query": "{ open }"}, headers=headers)
    return answer.status_code


async def test_a_key_with_an_unknown_view_is_refused_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, keys = save(tmp_path, "other", None)
    async with GatewayClient(path) as client:
        assert "its `view` is not configured anywhere: the key is refused" in caplog.text
        assert [await status_of(client, key) for key in keys] == [401, 200]


async def test_a_view_that_comes_or_goes_with_a_reload_does_so_for_keys_too(tmp_path: Path) -> None:
    path, keys = save(tmp_path, "partner", None)
    path.write_text(WITHOUT_VIEWS)
    client = GatewayClient(path)
    client.app = create_app(path)
    async with client:
        reloader = client.app.reloader
        assert reloader is not None
        for text, statuses in ((WITHOUT_VIEWS, [401, 200]), (CONFIG, [200, 200])) * 2:
            path.write_text(text)
            assert (await reloader.reload()).result in ("unchanged", "reloaded")
            assert [await status_of(client, key) for key in keys] == statuses


async def test_a_canary_that_brings_a_view_is_tried_by_its_keys(tmp_path: Path) -> None:
    path, keys = save(tmp_path, "partner")
    path.write_text(WITHOUT_VIEWS)
    client = GatewayClient(path)
    client.app = create_app(path)
    async with client:
        reloader = client.app.reloader
        assert reloader is not None
        for percent in (1, 99):
            path.write_text(CONFIG)
            assert (await reloader.reload(canary_percent=percent)).result == "trying"
            assert await status_of(client, keys[0]) == 200
            path.write_text(WITHOUT_VIEWS)
            assert (await reloader.reload()).result == "withdrawn"
            assert await status_of(client, keys[0]) == 401


async def test_what_is_open_by_a_key_whose_view_a_reload_took_away_does_not_see_everything(
    tmp_path: Path,
) -> None:
    path, keys = save(tmp_path, "partner")
    headers = {"x-api-key": keys[0]}
    async with served(path) as server, connected(server, headers=headers) as socket:
        path.write_text(WITHOUT_VIEWS)
        assert server.app.reloader is not None
        assert (await server.app.reloader.reload()).result == "reloaded"
        await socket.subscribe("{ partner internal }")
        told = await socket.hear()
        assert told["type"] == "error"
        assert told["payload"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
