"""Functions that stand around a resolver, a guard for one: they are called, whatever marks they have copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.testing import GatewayClient

RESOLVERS = """
from dataclasses import dataclass
from functools import wraps

from gateway import ClientError, batch_resolver, resolver, scalar

asked = []


def guarded(function):
    @wraps(function)
    def guard(*given, **named):
        asked.append(function.__name__)
        if function.__name__ == "secret":
            raise ClientError("Not for you.", code="FORBIDDEN")
        return function(*given, **named)

    return guard


@guarded
@resolver("Query.secret", vary=())
async def secret(parent, context):
    return "s"


@resolver("Query.open", vary=())
@guarded
async def open_to_all(parent, context, a=1):
    return a


@guarded
@batch_resolver("Query.many", vary=())
async def many(parents, context):
    return [1 for _ in parents]


@dataclass(slots=True)
@scalar("Stamp")
class Stamp:
    @staticmethod
    def serialize(value):
        return f"<{value}>"


@guarded
@resolver("Query.stamp", vary=())
def stamp(parent, context):
    return 1
"""
SCHEMA = "type Query { secret: String open(a: Int): Int many: Int stamp: Stamp } scalar Stamp"


def write(folder: Path, name: str, resolvers: str) -> Path:
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / f"{name}.py").write_text(resolvers)
    config = folder / "gateway.toml"
    config.write_text(f'[graph]\nschema = "schema.graphql"\nresolvers = "{name}"\n')
    return config


async def test_a_guard_above_the_decorator_is_asked_as_one_below_is(tmp_path: Path) -> None:
    config = write(tmp_path, "guarded_resolvers", RESOLVERS)
    async with GatewayClient(config) as client:
        result = await client.execute("{ secret open(a: 2) many stamp }")
    assert result.data == {"secret": None, "open": 2, "many": 1, "stamp": "<1>"}
    assert [error["message"] for error in result.errors] == ["Not for you."]


async def test_what_is_there_with_and_without_its_guard_is_an_error(tmp_path: Path) -> None:
    both = RESOLVERS.replace("@guarded\n@batch", "@batch") + "\nother = guarded(many)\n"
    config = write(tmp_path, "twice_resolvers", both)
    with pytest.raises(ConfigError, match=r"Query\.many"):
        async with GatewayClient(config):
            pass
