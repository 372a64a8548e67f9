"""Random mappings out of the grammar of v0.3, with data that they have a chance to fit."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from gateway.connectors.mapping.methods.table import NAMES

KEYS = ["a", "b", "c", "'k k'"]
MEMBERS = ["a", "b", "c", "k k"]

scalars: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 1, -2, 3, 1.0, 2.5, "", "a", "né", "12", '{"a": [1]}']
)
data: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4)
    ),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from(MEMBERS), data, max_size=4)
variables = st.fixed_dictionaries(
    {"args": objects}, optional={"this": data, "batch": st.lists(objects, max_size=3)}
)
keys = st.sampled_from(KEYS)
literals = st.sampled_from(["1", "1.0", "-2", "'a'", "'12'", "true", "false", "null"])
starts = st.sampled_from(
    ["$", "@", "$args", "$this", "$batch", "$x", "$nope", "a", "b", "c", "'k k'"]
)
plain_starts = st.sampled_from(["$", "@", "$args", "$this", "$batch", "$x", "a", "b", "c"])


@cache
def expressions(depth: int) -> st.SearchStrategy[str]:
    """Expressions: literals, paths, chains."""
    if depth == 0:
        return st.one_of(literals, paths(0))
    inner = expressions(depth - 1)
    listed = st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
    members = st.lists(st.tuples(keys, inner), max_size=3).map(
        lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
    )
    chains = st.tuples(
        st.sampled_from([" ?? ", " ?! "]), st.lists(operands(depth - 1), min_size=2, max_size=3)
    )
    return st.one_of(
        literals,
        paths(depth),
        listed,
        members,
        chains.map(lambda chain: chain[0].join(chain[1])),
        st.tuples(st.one_of(listed, members), keys).map(lambda both: f"{both[0]}.{both[1]}"),
    )


def operands(depth: int) -> st.SearchStrategy[str]:
    return st.one_of(literals, paths(depth))


@cache
def steps(depth: int) -> st.SearchStrategy[str]:
    """One step of a path."""
    names = st.sampled_from([*sorted(NAMES), "nope"])
    found = [keys.map(lambda key: f".{key}"), st.just("?"), names.map(lambda name: f"->{name}")]
    if depth:
        inner = expressions(depth - 1)
        found += [
            st.tuples(names, st.lists(inner, max_size=2)).map(
                lambda call: f"->{call[0]}({', '.join(call[1])})"
            ),
            st.tuples(st.sampled_from(["map", "filter", "find", "echo"]), inner).map(
                lambda call: f"->{call[0]}({call[1]})"
            ),
            st.lists(st.tuples(inner, inner), max_size=2).map(
                lambda pairs: f"->match({', '.join(f'[{key}, {value}]' for key, value in pairs)})"
            ),
            st.one_of(st.just("->as($x)"), inner.map(lambda bound: f"->as($x, {bound})")),
        ]
    return st.one_of(found)


@cache
def paths(depth: int, *, braced: bool | None = None) -> st.SearchStrategy[str]:
    """Paths; `braced` decides whether braces end them, None leaves it open."""
    origins = (
        plain_starts
        if depth == 0
        else st.one_of(starts, expressions(depth - 1).map(lambda inner: f"$({inner})"))
    )
    ends = st.just("")
    if depth and braced is not False:
        ends = braces(depth - 1) if braced else st.one_of(st.just(""), braces(depth - 1))
    return st.builds(_path, origins, st.lists(steps(depth), max_size=3), ends)


def _path(origin: str, taken: list[str], end: str) -> str:
    kept = [
        step for index, step in enumerate(taken) if step != "?" or taken[index - 1 : index] != ["?"]
    ]
    return f"{origin}{''.join(kept)}{' ' + end if end else ''}"


@cache
def braces(depth: int) -> st.SearchStrategy[str]:
    return items(depth).map(lambda inner: f"{{ {inner} }}")


@cache
def items(depth: int) -> st.SearchStrategy[str]:
    """What stands in braces or is a whole mapping."""
    choices = [
        keys,
        keys.map(lambda key: f"{key}?"),
        st.tuples(keys, paths(depth)).map(lambda both: f"{both[0]}: {both[1]}"),
    ]
    if depth:
        choices += [
            st.tuples(keys, braces(depth - 1)).map(lambda both: f"{both[0]}: {both[1]}"),
            st.tuples(keys, braces(depth - 1)).map(lambda both: f"{both[0]} {both[1]}"),
            paths(depth, braced=True),
        ]
    several = st.lists(st.one_of(choices), max_size=4).map(" ".join)
    return st.one_of(several, several, paths(depth, braced=False))


selections = items(3)
