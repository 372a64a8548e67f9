"""The schema's own selections over what the backends really answer."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldDefinitionNode,
    ObjectTypeDefinitionNode,
    value_from_ast_untyped,
)

from demo.store import ROOT
from gateway.connectors.mapping import apply_mapping
from gateway.graph.sdl import find_schema_files, load_sdl


@pytest.fixture(scope="module")
def document() -> DocumentNode:
    return load_sdl(find_schema_files(("schema",), ROOT))


def connectors(document: DocumentNode, coordinate: str) -> list[dict[str, Any]]:
    """The arguments of the `@connect`s on a type or a field."""
    type_name, _, field_name = coordinate.partition(".")
    for definition in document.definitions:
        if isinstance(definition, ObjectTypeDefinitionNode) and definition.name.value == type_name:
            node: ObjectTypeDefinitionNode | FieldDefinitionNode = definition
            if field_name:
                fields = definition.fields or ()
                node = next(field for field in fields if field.name.value == field_name)
            return [_arguments(use) for use in node.directives or () if use.name.value == "connect"]
    raise AssertionError(coordinate)


def _arguments(use: DirectiveNode) -> dict[str, Any]:
    return {item.name.value: value_from_ast_untyped(item.value) for item in use.arguments or ()}


def mapped(connector: dict[str, Any], answer: httpx.Response, **variables: Any) -> Any:
    value, problems = apply_mapping(connector["selection"], json.loads(answer.text), variables)
    assert problems == []
    return value


VIDEO = {
    "id", "title", "description", "durationSeconds", "duration", "createdAt", "topic", "channel",
}  # fmt: skip


def test_videos(document: DocumentNode, catalog: httpx.Client) -> None:
    (connector,) = connectors(document, "Query.videos")
    value = mapped(connector, catalog.get("/videos?limit=3"))
    assert value["pageInfo"].keys() == {
        "hasNextPage",
        "hasPreviousPage",
        "startCursor",
        "endCursor",
    }
    assert value["totalCount"] == 10_000
    edges = value["edges"]
    assert [edge["node"]["id"] for edge in edges] == ["v1", "v2", "v3"]
    assert edges[0]["node"].keys() == VIDEO
    assert value["pageInfo"]["endCursor"] == edges[2]["cursor"]


def test_video(document: DocumentNode, catalog: httpx.Client) -> None:
    (connector,) = connectors(document, "Query.video")
    assert mapped(connector, catalog.get("/videos/v1")).keys() == VIDEO
    missing = mapped(connector, catalog.get("/videos/v0"))
    assert missing is ... or missing is None


def test_types(document: DocumentNode, catalog: httpx.Client, monolith: httpx.Client) -> None:
    video, video_stats = connectors(document, "Video")
    (value,) = mapped(video, catalog.get("/videos?ids=v1"))
    assert value.keys() == VIDEO
    (value,) = mapped(video_stats, monolith.get("/video_stats?ids[]=v1"))
    assert value["stats"].keys() == {"views", "likes"}
    channel, channel_stats, profile = connectors(document, "Channel")
    (value,) = mapped(channel, monolith.get("/channels?ids[]=c1"))
    assert value.keys() == {"id", "name", "displayName", "verified", "owner"}
    (value,) = mapped(channel_stats, monolith.get("/channel_stats?ids[]=c1"))
    assert value["stats"].keys() == {"subscribers", "views"}
    first, third = mapped(profile, monolith.get("/channel_profiles?ids[]=c1&ids[]=c3"))
    assert first["links"][0] == {"name": "web", "target": "https://channel1.example"}
    assert third["links"] == []
    (topic,) = connectors(document, "Topic")
    assert mapped(topic, catalog.get("/topics?ids=t1")) == [
        {"id": "t1", "name": "Music", "slug": "music", "code": "music"}
    ]
    (collection,) = connectors(document, "Collection")
    (value,) = mapped(collection, catalog.get("/collections?ids=k1"))
    assert value["videos"][0].keys() == {"id"}


@pytest.mark.parametrize(("id_", "is_success"), [("c1", True), ("c0", True)])
def test_channel(
    document: DocumentNode, monolith: httpx.Client, id_: str, is_success: bool
) -> None:
    (connector,) = connectors(document, "Query.channel")
    answer = monolith.get("/channel", params={"id": id_}).json()
    success, _ = apply_mapping(connector["isSuccess"], answer, {"status": 200})
    assert success is is_success
    value, _ = apply_mapping(connector["selection"], answer, {})
    assert (value["id"] == id_) if id_ == "c1" else value in (None, ...)


def test_follow_is_a_form(document: DocumentNode, monolith: httpx.Client) -> None:
    (connector,) = connectors(document, "Mutation.followChannel")
    arguments = {"input": {"channelId": "c5", "userId": "u1"}}
    body, problems = apply_mapping(connector["http"]["body"], {}, {"args": arguments})
    assert (body, problems) == ({"follow": {"channel": "c5", "user": "u1"}}, [])
    form = {f"follow[{name}]": value for name, value in body["follow"].items()}
    value = mapped(connector, monolith.post("/follow", data=form))
    assert value.keys() == {"following", "subscribers", "channel"}
    assert value["channel"]["id"] == "c5"


def test_the_legacy_says_no_with_200(document: DocumentNode, monolith: httpx.Client) -> None:
    source = next(
        value
        for definition in document.definitions
        for use in getattr(definition, "directives", None) or ()
        if use.name.value == "source" and (value := _arguments(use))["name"] == "monolith"
    )
    answer = monolith.post("/follow", data={"follow[channel]": "c0"}).json()
    for body, expected in ((answer, False), ({"result": []}, True)):
        assert apply_mapping(source["isSuccess"], body, {"status": 200})[0] is expected
    assert apply_mapping(source["errors"]["message"], answer)[0] == "There is no such channel."
    assert apply_mapping(source["errors"]["extensions"], answer)[0] == {"code": "NO_SUCH_CHANNEL"}


def test_comment(document: DocumentNode, catalog: httpx.Client) -> None:
    (connector,) = connectors(document, "Mutation.addComment")
    arguments = {"input": {"videoId": "v27", "authorId": "u1", "text": "Hello"}}
    body, problems = apply_mapping(connector["http"]["body"], {}, {"args": arguments})
    assert problems == []
    comment = mapped(connector, catalog.post("/comments", json=body))["comment"]
    assert comment["text"] == "Hello"
    assert comment["video"] == {"id": "v27"}
