"""Every method by its name: the one list that the interpreter, the compiler and the checks share.

`match` and `as` are not called like the others, since they need more than the values of their
arguments: `match` takes pairs, and `as` binds a name for the rest of the path.
"""

from __future__ import annotations

from typing import Final

from gateway.connectors.mapping.methods import arithmetic, lists, logic, values
from gateway.connectors.mapping.methods.kinds import Method

METHODS: Final[dict[str, Method]] = {
    "add": arithmetic.add,
    "and": logic.and_,
    "contains": lists.contains,
    "div": arithmetic.div,
    "echo": values.echo,
    "entries": values.entries,
    "eq": logic.eq,
    "filter": lists.filter_,
    "find": lists.find,
    "first": lists.first,
    "get": lists.get,
    "gt": logic.gt,
    "gte": logic.gte,
    "in": lists.in_,
    "joinNotNull": lists.join_not_null,
    "jsonParse": values.json_parse,
    "jsonStringify": values.json_stringify,
    "last": lists.last,
    "lt": logic.lt,
    "lte": logic.lte,
    "map": lists.map_,
    "mod": arithmetic.mod,
    "mul": arithmetic.mul,
    "ne": logic.ne,
    "not": logic.not_,
    "or": logic.or_,
    "parseInt": arithmetic.parse_int,
    "size": values.size,
    "slice": lists.slice_,
    "sub": arithmetic.sub,
    "toString": values.to_string,
}

MATCH: Final = "match"
AS: Final = "as"
GIVING: Final = frozenset({"echo", "map"})
"""Methods that give what their argument is; of the others an argument decides what they give."""
NAMES: Final[frozenset[str]] = frozenset(METHODS) | {MATCH, AS}
