"""One meaning of an answer: decoded, mapped by compiled code, mapped by interpretation, always the same.

`python -m tests.differential.readings --cases 200000 [--seed N]`. Each case is an answer and some of the fields of a
selection in some order; the values of these fields must not depend on which way they are read, nor on the others.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any

from gateway.connectors.call import ConnectorCall
from gateway.connectors.mapping.analyse import supplied_fields
from gateway.connectors.mapping.interpret import interpret
from gateway.connectors.mapping.members import fill_value
from gateway.connectors.views import plain
from gateway.errors import UpstreamError
from gateway.graph.field_tree import FieldTree
from gateway.json_bytes import MAX_DEPTH, NotJSONError
from gateway.upstream.transport import Fetched
from tests.differential.answers import World

ORDERS = 4
ANSWERS = 60
JSON = [("content-type", "application/json")]
_HALF = re.compile("[\ud800-\udfff]")


def differences(seed: int, cases: int, tally: Counter[str]) -> Iterator[str]:
    """The differences among so many cases."""
    while tally["cases"] < cases:
        world = World(Random(seed))
        calls = [
            (wanted, world.call.project(wanted))
            for wanted in (world.wanted() for _ in range(ORDERS))
        ]
        for number in range(ANSWERS):
            body = world.answer()
            wanted, call = calls[number % ORDERS]
            tally["cases"] += 1
            found = compared(world, call, wanted, body, tally)
            if found is not None:
                yield f"seed {seed}, {world}, wanted {wanted}:\n  {body[:2000]!r}\n  {found}"
        seed += 1


def compared(
    world: World, call: ConnectorCall, wanted: FieldTree, body: bytes, tally: Counter[str]
) -> str | None:
    """What differs between the ways of reading one answer."""
    fetched = Fetched(200, JSON, body)
    decoded = call.decoded(fetched)
    tally["decoded"] += decoded is not ...
    ways = {"mapped": outcome(lambda: world.call.mapped(fetched, {}), wanted)}
    if decoded is not ...:
        ways["decoded"] = outcome(lambda: decoded, wanted)
    exact, call.decoding.exact = call.decoding.exact, None
    wide = call.decoded(fetched)
    call.decoding.exact = exact
    if wide is not ...:
        ways["decoded without types"] = outcome(lambda: wide, wanted)
    if not world.is_php:
        ways["interpreted"] = outcome(lambda: interpreted(world.call, body), wanted)
    else:
        ways["interpreted"] = outcome(lambda: php_interpreted(world.call, fetched), wanted)
    tally["errors"] += ways["mapped"].startswith("CONNECTOR")
    if len(set(ways.values())) == 1:
        return None
    return "\n  ".join(f"{name}: {value[:1500]}" for name, value in ways.items())


def outcome(read: Callable[[], Any], wanted: FieldTree) -> str:
    """What reading gives, of the fields that are wanted, as text."""
    try:
        value = read()
    except UpstreamError as exc:
        return exc.code
    with much_recursion():
        return repr(_only(plain(value), wanted))


def _only(value: Any, wanted: FieldTree) -> Any:
    if isinstance(value, UpstreamError):
        return exc_text(value)
    if isinstance(value, list):
        return [_only(item, wanted) for item in value]
    if wanted and isinstance(value, dict):
        return {name: _only(value.get(name), wanted[name]) for name in sorted(wanted)}
    return value


def exc_text(error: UpstreamError) -> str:
    """An error that stands in the place of a value."""
    return f"<{error.code}>"


def interpreted(call: ConnectorCall, body: bytes) -> Any:
    """The meaning of an answer by the plain reading of the mapping, and the standard library's of the bytes."""
    try:
        data = read_plainly(body)
    except ValueError:
        raise UpstreamError("CONNECTOR_RESPONSE_INVALID", source="b", detail="") from None
    value = interpret_filled(call, data, {})
    if value is ...:
        return None
    return value if call.check is None else call.check(value)


def php_interpreted(call: ConnectorCall, fetched: Fetched) -> Any:
    """The same with the dialect's own reading of the bytes."""
    assert call.php is not None
    data = call.reader.value_of(fetched, {})
    mapping = partial(interpret_filled, call)
    value = call.php.map(mapping, data, {}, partial(call.reader.invalid, fetched))
    return None if value is ... else value


def interpret_filled(call: ConnectorCall, data: Any, variables: Any) -> Any:
    """What the interpreter makes, with every name that the mapping supplies."""
    selection = call.mapping.selection
    value, _ = interpret(selection, data, variables)
    return value if value is ... else fill_value(value, supplied_fields(selection))


def read_plainly(body: bytes) -> Any:
    """`json_bytes.read_json` once more, by the standard library. Errors: ValueError."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    with much_recursion():
        if not text.strip(" \t\r\n"):
            raise ValueError("no JSON")
        value = json.loads(
            text,
            parse_float=lambda t: float(t) if abs(float(t)) != float("inf") else t,
            parse_int=lambda t: int(t) if len(t) <= 4300 else t,
            parse_constant=_refuse,
        )
        return _without_halves(value, 0)


@contextmanager
def much_recursion() -> Iterator[None]:
    """More than answers need: for what the product does not do."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 50_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _refuse(_: str) -> Any:
    raise NotJSONError("a constant of JavaScript")


def _without_halves(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, dict | list) and depth >= MAX_DEPTH:
        raise NotJSONError("too deep")
    if isinstance(value, dict):
        return {
            _HALF.sub("\ufffd", name): _without_halves(v, depth + 1) for name, v in value.items()
        }
    return (
        [_without_halves(item, depth + 1) for item in value] if isinstance(value, list) else value
    )


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.differential.readings", description=__doc__
    )
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    logging.disable()
    seed = secrets.randbelow(10**9) if options.seed is None else options.seed
    print(f"from seed {seed}", flush=True)
    tally: Counter[str] = Counter()
    failed = 0
    for found in differences(seed, options.cases, tally):
        failed += 1
        print(f"\n{found}", flush=True)
        if failed == 10:
            break
    print(f"{dict(tally)}, {failed} differences")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
