"""A folder as Kubernetes mounts a ConfigMap: each file once, by the name that it keeps when the content changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.app.reload.inputs import Origin
from gateway.documents.manifest import read_manifest, signature_of
from gateway.errors import ConfigError
from gateway.settings.folder_files import files_in
from gateway.testing import GatewayClient

SCHEMA = """extend schema @link(url: "https://specs.apollo.dev/connect/v0.2", import: ["@connect"])
type Query { a: B @connect(http: { GET: "http://localhost:1/a" }, selection: "b") }
"""


def mount(folder: Path, version: int, files: dict[str, str]) -> None:
    """Links into a folder with a date in its name, and one link that is swapped: what the kubelet does."""
    content = folder / f"..2026_01_{version:02}_00_00_00.1"
    for name, text in files.items():
        (content / name).parent.mkdir(parents=True, exist_ok=True)
        (content / name).write_text(text)
        top = folder / name.partition("/")[0]
        if not top.is_symlink():
            top.symlink_to(f"..data/{top.name}")
    fresh = folder / "..data_tmp"
    fresh.symlink_to(content.name)
    fresh.replace(folder / "..data")


async def test_a_schema_that_is_mounted_as_a_folder_is_served(tmp_path: Path) -> None:
    schema = tmp_path / "schema"
    mount(schema, 1, {"api.graphql": SCHEMA, "more/b.gql": "type B { b: Int }"})
    config = tmp_path / "gateway.toml"
    config.write_text('[graph]\nschema = ["schema"]\n')
    first = Origin(config).read({})
    assert list(first.schema) == [str(schema / "api.graphql"), str(schema / "more" / "b.gql")]
    async with GatewayClient(config) as client:
        assert (await client.execute("{ __typename }")).data == {"__typename": "Query"}
    # The old content stays for a while, and another with the same files is the same.
    mount(schema, 2, dict(zip(["api.graphql", "more/b.gql"], first.schema.values(), strict=True)))
    assert Origin(config).read({}).digest == first.digest


def test_documents_and_python_that_are_mounted_are_read_once(tmp_path: Path) -> None:
    documents, python = tmp_path / "documents", tmp_path / "mounted_resolvers"
    mount(documents, 1, {"GetA.graphql": "query GetA { a }"})
    mount(python, 1, {"__init__.py": "", "a.py": "A = 1\n"})
    assert len(signature_of(documents)) == 1
    assert "query GetA { a }" in read_manifest(documents).values()
    assert [path.name for path in files_in(python, ".py")] == ["__init__.py", "a.py"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.graphql").touch()
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / ".hidden.graphql").touch()
    assert files_in(tmp_path, ".graphql") == [tmp_path / "sub" / "a.graphql"]


@pytest.mark.parametrize("name", ["gateway.toml", "schema.graphql"])
def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "schema.graphql").write_text("type Query { a: String }")
    (tmp_path / "gateway.toml").write_text('[graph]\nschema = ["schema.graphql"]\n')
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(ConfigError) as caught:
        Origin(tmp_path / "gateway.toml").read({})
    assert name in caught.value.render()
