"""The methods of the mapping language, as `docs/mapping.md` tells them; a test runs each example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NO_VALUE = ...
"""What an example gives that has no value."""


@dataclass(frozen=True, slots=True)
class Doc:
    """One method.

    Attributes:
        since: The version whose documentation has it; every version here takes it.
        on: What it works on.
        arguments: As they are written; "" for none, not even parentheses.
        gives: What comes of it, and when nothing does.
        examples: Mapping, data, result.
    """

    since: str
    on: str
    arguments: str
    gives: str
    examples: tuple[tuple[str, Any, Any], ...]


ROWS = {"rows": [{"p": 1}, {"p": 9}]}
METHODS: dict[str, dict[str, Doc]] = {
    "Values": {
        "echo": Doc("v0.1", "anything", "(value)", "the value; `@` in it is the input", (("n->echo({ was: @ })", {"n": 1}, {"was": 1}),)),
        "match": Doc(
            "v0.1", "anything", "([key, value], …)",
            "the value of the first pair whose key equals the input; 1, 1.0 and \"1\" are different. "
            "`[@, …]` as the last one takes what is left; without it, and without a match, no value",
            (
                ("s->match([1, 'on'], [0, 'off'], [@, 'unknown'])", {"s": 0}, "off"),
                ("s->match([1, 'on'], [0, 'off'], [@, 'unknown'])", {"s": "0"}, "unknown"),
                ("s->match([1, 'on'])", {"s": 2}, NO_VALUE),
            ),
        ),
        "size": Doc(
            "v0.1", "list, object, string", "", "how many elements, members, or bytes of UTF-8",
            (("l->size", {"l": [1, 2]}, 2), ("s->size", {"s": "né"}, 3)),
        ),
        "toString": Doc(
            "v0.3", "string, number, Boolean, null", "", "the text; null is the empty one",
            (("n->toString", {"n": 1.0}, "1.0"), ("n->toString", {"n": None}, "")),
        ),
        "jsonStringify": Doc("v0.1", "anything", "", "the JSON text, without spaces", (("o->jsonStringify", {"o": {"a": [1]}}, '{"a":[1]}'),)),
        "jsonParse": Doc("later", "string of JSON", "", "what it says", (("t->jsonParse { a }", {"t": '{"a": 1, "b": 2}'}, {"a": 1}),)),
        "as": Doc(
            "later", "anything", "($name, value)",
            "the input; for the rest of the path `$name` is the value, or the input where no value is given",
            (("user->as($u)->echo({ id: $u.id })", {"user": {"id": 7}}, {"id": 7}),),
        ),
    },
    "Lists and strings": {
        "first": Doc("v0.1", "list, string", "", "the first element or character; no value where there is none", (("l->first", {"l": [1, 2]}, 1), ("l->first", {"l": []}, NO_VALUE))),
        "last": Doc("v0.1", "list, string", "", "the last element or character; no value where there is none", (("l->last", {"l": [1, 2]}, 2), ("s->last", {"s": "né"}, "é"))),
        "slice": Doc(
            "v0.1", "list, string", "(from, to)", "from one position up to before another; they do not count from the end",
            (("s->slice(1, 3)", {"s": "abcdef"}, "bc"), ("l->slice(1)", {"l": [1, 2, 3]}, [2, 3])),
        ),
        "get": Doc(
            "v0.3", "list, string, object", "(index or key)", "one element, character or member; -1 is the last; no value where there is none",
            (("l->get(-1)", {"l": [1, 2, 3]}, 3), ("o->get('a')", {"o": {"a": 1}}, 1), ("l->get(5)", {"l": [1]}, NO_VALUE)),
        ),
        "map": Doc(
            "v0.1", "list", "(value)", "the value for each element, which is `@`; of what is no list, a list of one",
            (("l->map({ n: @ })", {"l": [1, 2]}, [{"n": 1}, {"n": 2}]), ("n->map(@)", {"n": 7}, [7])),
        ),
        "filter": Doc("v0.3", "list", "(condition)", "the elements for which it is true; a condition that is neither true nor false leaves no value", (("rows->filter(@.p->gt(5))", ROWS, [{"p": 9}]),)),
        "find": Doc("v0.3", "list", "(condition)", "the first element for which it is true; no value where none is", (("rows->find(@.p->gt(0))", ROWS, {"p": 1}), ("rows->find(@.p->gt(99))", ROWS, NO_VALUE))),
        "joinNotNull": Doc("v0.2", "list of scalars", "(separator)", "their texts in one, nulls left out", (("l->joinNotNull(',')", {"l": [1, None, "b"]}, "1,b"),)),
        "entries": Doc("v0.1", "object", "", "a list of `key` and `value`", (("o->entries", {"o": {"a": 1}}, [{"key": "a", "value": 1}]),)),
        "contains": Doc("v0.3", "list", "(value)", "whether an element equals it; 1 is 1.0", (("l->contains(1)", {"l": [1.0]}, True),)),
        "in": Doc("v0.3", "anything", "(list)", "whether the input is among the list's elements", (("n->in([1, 2])", {"n": 2}, True),)),
    },
    "Comparison and logic": {
        "eq": Doc("v0.3", "anything", "(value)", "whether the two are equal; 1 is 1.0, and 1 is not \"1\"", (("n->eq(1.0)", {"n": 1}, True), ("n->eq('1')", {"n": 1}, False))),
        "ne": Doc("v0.3", "anything", "(value)", "whether they are not", (("n->ne(2)", {"n": 1}, True),)),
        "gt": Doc("v0.3", "number or string", "(another)", "whether the input is greater; strings by code point", (("n->gt(3)", {"n": 3}, False),)),
        "gte": Doc("v0.3", "number or string", "(another)", "whether it is greater or equal", (("n->gte(3)", {"n": 3}, True),)),
        "lt": Doc("v0.3", "number or string", "(another)", "whether it is less", (("s->lt('b')", {"s": "a"}, True),)),
        "lte": Doc("v0.3", "number or string", "(another)", "whether it is less or equal; no value for two of different kinds", (("n->lte('9')", {"n": 1}, NO_VALUE),)),
        "not": Doc("v0.3", "Boolean", "", "the other one", (("b->not", {"b": True}, False),)),
        "and": Doc("v0.3", "Boolean", "(Boolean, …)", "whether all are true; what stands after a false one is not looked at", (("a->and(b)", {"a": True, "b": False}, False),)),
        "or": Doc("v0.3", "Boolean", "(Boolean, …)", "whether one is true; what stands after a true one is not looked at", (("a->or(b)", {"a": False, "b": True}, True),)),
    },
    "Numbers": {
        "add": Doc("v0.3", "number", "(number, …)", "the sum; of integers an integer, else a float", (("n->add(2, 3)", {"n": 1}, 6), ("n->add(0.5)", {"n": 1}, 1.5))),
        "sub": Doc("v0.3", "number", "(number, …)", "the difference", (("n->sub(1)", {"n": 3}, 2),)),
        "mul": Doc("v0.3", "number", "(number, …)", "the product", (("n->mul(2)", {"n": 3}, 6),)),
        "div": Doc("v0.3", "number", "(number, …)", "the quotient, always a float; by zero, no value", (("n->div(2)", {"n": 6}, 3.0), ("n->div(0)", {"n": 6}, NO_VALUE))),
        "mod": Doc("v0.3", "number", "(number, …)", "the rest, with the sign of the input", (("n->mod(3)", {"n": -7}, -1),)),
        "parseInt": Doc(
            "v0.3", "string, number", "(base)", "the integer, of base 10 without parentheses; no value for a text that has anything but a sign and digits",
            (("s->parseInt(16)", {"s": "ff"}, 255), ("s->parseInt", {"s": "12px"}, NO_VALUE)),
        ),
    },
}  # fmt: skip
