"""Releases that change only what pods reload: no pod is new, and each says that it serves the files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.app.reload.inputs import Origin, digest_of_schema
from gateway.release.served_schema import schema_digest
from tests.platform.renders import SCHEMA, render, target
from tests.platform.stage import Stage


def with_schema(text: str) -> list[str]:
    files = json.dumps({"api.graphql": text})
    return ["--set", "reload.enabled=true", "--set", f"schema.files={files}"]


def test_a_schema_that_pods_reload_is_waited_for(stage: Stage) -> None:
    assert "every pod serves" not in stage.release("1.0.0", "--first-install", *with_schema(SCHEMA))
    template = stage.deployment()["spec"]["template"]
    more = SCHEMA.replace("hello", "more: Int\n  hello")
    said = stage.release("1.0.0", *with_schema(more))
    assert said.count("waiting until every pod serves schema") == 2
    assert stage.around.schema_files("eu-west")["api.graphql"] == more
    assert stage.deployment()["spec"]["template"] == template
    # New pods read the files when they start.
    assert "every pod serves" not in stage.release("1.0.1", *with_schema(SCHEMA))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("PODS REFUSE THIS", "a pod has refused the new schema"),
        ("PODS ARE LATE", "0 of 3 pods serve the new schema after 0 s"),
    ],
)
def test_a_schema_that_is_not_served_is_brought_back(stage: Stage, words: str, why: str) -> None:
    stage.release("1.0.0", "--first-install", *with_schema(SCHEMA))
    said = stage.release("1.0.0", *with_schema(f"# {words}\n{SCHEMA}"), code=1)
    assert why in said
    assert "Rolled back to revision 1 and is ready." in said
    assert "Not touched: production/eu-west." in said
    for region in ("us-east", "eu-west"):
        assert stage.around.schema_files(region)["api.graphql"] == SCHEMA
    assert stage.audited()[-1] == ("rollback", "production/us-east", "ready")


def test_pods_and_a_release_name_the_same_schema_alike(tmp_path: Path) -> None:
    files = {
        "api.graphql": f"\ufeff{SCHEMA}",
        "more.gql": "type More {\r\n  a: Int\r\n}\r\n",
        "READ.me": "read me",
    }
    values = {"schema": {"files": files}, "reload": {"enabled": True}}
    where = target("production", "eu-west")
    of_release = schema_digest(render("production", "eu-west", values), where)
    (tmp_path / "schema").mkdir()
    for name, text in files.items():
        (tmp_path / "schema" / name).write_bytes(text.encode())
    config = tmp_path / "gateway.toml"
    config.touch()
    assert of_release == digest_of_schema(Origin(config).read({}).schema)
    # What is in the image is not known.
    for paths in (["schema", "schemas/shared.graphql"], ["elsewhere"]):
        objects = render(
            "production", "eu-west", {**values, "config": {"graph": {"schema": paths}}}
        )
        assert schema_digest(objects, where) is None
