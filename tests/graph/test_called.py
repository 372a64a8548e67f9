"""What `check` says of functions that could never be called, and of modules that cannot be imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.errors import ConfigError
from gateway.graph.binding import bind_resolvers
from gateway.graph.called import check_calls
from gateway.graph.marked import find_marks
from gateway.graph.register import MARK
from gateway.graph.schema import require_schema
from gateway.graph.sdl import parse_sdl
from gateway.settings.text_file import decoded

SDL = """
scalar Money
type Query { title: String names: [String] price: Money }
type Subscription { ticks: Int }
"""


class Whole:
    """A scalar, and a directive, of every method that there is."""

    def serialize(self, value: Any) -> Any: ...
    def parse_value(self, value: Any) -> Any: ...
    def parse_literal(self, node: Any, variables: Any = None) -> Any: ...
    def result(self, value: Any, context: Any) -> Any: ...
    def argument(self, value: Any) -> Any: ...
    async def resolve(self, next: Any, parent: Any, context: Any, first: int) -> Any: ...  # noqa: A002


class Short:
    """One whose methods take too little."""

    def serialize(self) -> Any: ...
    def result(self, value: Any) -> Any: ...
    def resolve(self, next: Any, parent: Any) -> Any: ...  # noqa: A002


class Later:
    """One whose methods are coroutines."""

    async def parse_value(self, value: Any) -> Any: ...
    async def argument(self, value: Any) -> Any: ...


async def nothing() -> None: ...
async def one(state: Any) -> None: ...
async def two(first: Any, second: Any) -> None: ...
async def several(*values: Any) -> None: ...


def of(decorator: Callable[[Any], Any], target: Any) -> list[str]:
    """What is said of a fresh mark on a function or class."""
    made = type(target.__name__, (target,), {}) if isinstance(target, type) else target
    made.__dict__.pop(MARK, None) if not isinstance(made, type) else None
    decorator(made)
    return [found.message for found in check_calls(made.__dict__[MARK])]


@pytest.mark.parametrize(
    ("decorator", "target", "said"),
    [
        (gateway.on_startup, one, []),
        (gateway.on_startup, several, []),
        (gateway.on_startup, print, None),
        (gateway.on_startup, nothing, ["must take (state)"]),
        (gateway.on_shutdown, two, ["must take (state)"]),
        (gateway.context_factory, nothing, ["must take (context)"]),
        (gateway.override_label("new"), nothing, ["must take (context)"]),
        (gateway.override_label("new"), one, []),
        (gateway.policy_resolver, one, ["must take (context, policies)"]),
        (gateway.policy_resolver, two, []),
        (gateway.type_resolver("Node"), two, ["is `async def`, and is not awaited"]),
        (gateway.scalar("Money"), Whole, []),
        (gateway.scalar("Money"), Short, ["must take (self, value)"]),
        (gateway.scalar("Money"), Later, ["is `async def`, and is not awaited"]),
        (gateway.schema_directive("upper"), Whole, []),
        (gateway.schema_directive("upper"), Short, ["must take (self, value, context)", "must take (self, next, parent, context, **arguments)"]),
        (gateway.schema_directive("upper"), Later, ["is `async def`, and is not awaited"]),
    ],
)  # fmt: skip
def test_how_a_function_is_called(decorator: Any, target: Any, said: list[str] | None) -> None:
    if said is None:  # nothing can be put on a built-in
        with pytest.raises(AttributeError):
            decorator(target)
        return
    found = of(decorator, target)
    assert len(found) == len(said)
    assert all(message.endswith(words) for message, words in zip(found, said, strict=True)), found


async def info_first(parent: Any, info: Any) -> None: ...


async def items(parent: Any, context: Any) -> Any:
    yield 1


def waits_for_nothing(root: Any, context: Any) -> Any:
    yield 1


@pytest.mark.parametrize(
    ("decorator", "target", "said"),
    [
        (gateway.resolver("Query.title"), info_first, "takes `info` where `context` comes"),
        (gateway.resolver("Query.title"), items, "is a generator, and the field is no list"),
        (gateway.resolver("Query.names"), items, None),
        (gateway.batch_resolver("Query.names"), items, "is a generator, not a batch resolver"),
        (gateway.subscription("Subscription.ticks"), items, None),
        (gateway.subscription("Subscription.ticks"), waits_for_nothing, "is a generator that waits for nothing"),
        (gateway.scalar("Int"), Whole, "Int is GraphQL's own"),
    ],
)  # fmt: skip
def test_a_function_and_its_field(decorator: Any, target: Any, said: str | None) -> None:
    target.__dict__.pop(MARK, None) if not isinstance(target, type) else None
    marked = decorator(target if not isinstance(target, type) else type("Own", (target,), {}))
    schema = require_schema(parse_sdl(SDL, "s.graphql"))
    with ThreadPoolExecutor(1) as threads:
        found = [item.message for item in bind_resolvers(schema, marked.__dict__[MARK], threads)]
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("import sys\nsys.exit(3)\n", None, "{file}:2: graph.resolvers: the resolvers cannot be imported: SystemExit: 3"),
        ("from gateway import resolver\n\n@resolver\ndef f(a, b): ...\n", None, "{file}:3: graph.resolvers: the resolvers cannot be imported: TypeError: @resolver takes"),
        ("from gateway import resolver\n@resolver('Query.a', varies=())\ndef f(a, b): ...\n", None, "{file}:2: graph.resolvers:"),
        ("", "{name}.py", "graph.resolvers: there is no module `{name}.py` (a module's name is meant: `{name}`)"),
        ("", "x{name}", "graph.resolvers: there is no module `x{name}` (did you mean `{name}`?)"),
    ],
    ids=["it ends the process", "no parentheses", "no such option", "a file's name", "another name"],
)  # fmt: skip
def test_a_module_that_cannot_be_imported(
    text: str, name: str | None, said: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    own = f"own_{abs(hash(request.node.name))}"
    (tmp_path / f"{own}.py").write_text(text)
    with pytest.raises(ConfigError) as caught:
        find_marks((name or own).format(name=own), tmp_path)
    sys.path.remove(str(tmp_path))
    assert str(caught.value).startswith(said.format(file=tmp_path / f"{own}.py", name=own))


def test_a_module_of_pythons_own(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"`json` is a module of Python itself.*give the name of your own"
    ):
        find_marks("json", tmp_path)
    (tmp_path / "json.py").write_text("")
    with pytest.raises(
        ConfigError, match=r"`json` is a module of Python itself \(rename json\.py\)"
    ):
        find_marks("json", tmp_path)
    sys.path.remove(str(tmp_path))


def test_a_text_with_a_byte_order_mark_and_lines_of_windows() -> None:
    assert decoded(b"\xef\xbb\xbfa\r\nb\rc\n", "file") == "a\nb\nc\n"
    with pytest.raises(ConfigError) as caught:
        decoded("\ufeffä = 1\r\nbü = ".encode() + b"\xfc\n", "configuration file", "gateway.toml")
    assert str(caught.value) == (
        "gateway.toml:2:6: the configuration file is not UTF-8: it has the byte 0xfc (save it as UTF-8)"
    )
