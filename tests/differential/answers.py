"""Random selections of connectors, the fields asked of them in a random order, and answers, right and wrong.

What is drawn follows the selection, so that most values stand where it looks for them; then some go wrong: other
types, gaps, and bytes that no two decoders read alike.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import GraphQLSchema, get_nullable_type, is_leaf_type, is_list_type, parse
from graphql.utilities import build_ast_schema

from gateway.connectors.bind import bind_connectors
from gateway.connectors.call import ConnectorCall
from gateway.connectors.settings import ConnectorSettings
from gateway.graph.field_tree import FieldTree
from gateway.upstream.settings import SourceSettings

TYPES = """
type T { id: ID! n: Int x: Float s: String b: Boolean! ids: [ID] names: [String!] any: Any u: U us: [U] t: T ts: [T!] uss: [[U]] }
type U { id: ID k: String! f: Float t: T us: [U!]! }
scalar Any
"""
LINK = 'extend schema @link(url: "https://specs.apollo.dev/connect/v0.3", import: ["@source", "@connect"])'
KINDS = ("T", "[T]", "[T!]!", "[[T]]", "U!", "[ID]", "String", "Any")
KEYS = ("a", "b", "c", "d", "id", "n")
# Steps that make a mapping more than a shape: it is compiled and interpreted then, never decoded.
STEPS = ("->first", "?", "->slice(0, 2)", "->jsonStringify", "->echo(@)", "->last?")
LEAVES: dict[str, tuple[Any, ...]] = {
    "ID": (1, 2, "1", "x"),
    "Int": (0, 1, -5, 2**31 - 1),
    "Float": (1, 1.5, -0.25, 1e22),
    "String": ("", "s", "\u00e9", "\U0001f600"),
    "Boolean": (True, False),
}
RAW = (
    b'"\\ud83d"', b'"x\\ude00y"', b'"\\ud83d\\ude00"', b'"x\xff"', b'"\xed\xa0\xbd"', b'"\\u00e9\\"\\\\ud83d"', b"1e400",
    b"-1e999", b"1e-400", b"-0.0", b"-0", b"1E2", b"18446744073709551617", b"-9223372036854775809",
    b"3" * 400, b"3" * 5000, b"2147483648", b"1.0", b'{"\xff": 1, "a": 2}', b'{"a": 1, "a": {"a": 2}}', b'"\\u0061"',
)  # fmt: skip
# Only where nobody asks: what may be walked into is bounded by Python's stack.
DEEP = (
    b"[" * 200 + b"]" * 200, b"[" * 980 + b"1" + b"]" * 980, b"[" * 1015 + b"]" * 1015, b"[" * 1100 + b"]" * 1100,
    b'{"a":' * 700 + b"{}" + b"}" * 700, b"[" * 990 + b'"\\ud83d"' + b"]" * 990,
)  # fmt: skip
BROKEN = (b"NaN", b"-Infinity", b"01", b'"\\q"', b'"a\nb"', b"[1,]", b"nul", b"'a'", b"", b'"\\ud8')
_RAW = re.compile(rb'"@(\d+)(D?)@"')


FIELDS = {
    "T": {"id": "", "n": "", "x": "", "s": "", "b": "", "ids": "", "names": "", "any": "",
          "u": "U", "us": "U", "t": "T", "ts": "T", "uss": "U"},
    "U": {"id": "", "k": "", "f": "", "t": "T", "us": "U"},
}  # fmt: skip


@dataclass(slots=True)
class Spec:
    """What a selection looks for at a place of the answer.

    Attributes:
        made: Type and name of a field that is made of it; None for what is only on the way.
        members: By JSON key.
    """

    made: tuple[str, str] | None = None
    members: dict[str, Spec] = field(default_factory=dict)

    def at(self, path: tuple[str, ...]) -> Spec:
        """The place at a path from here."""
        spec = self
        for key in path:
            spec = spec.members.setdefault(key, Spec())
        return spec


class World:
    """One connector, and what may be asked of it.

    Attributes:
        text: The selection.
        call: As it was bound.
        kind: The GraphQL type of its field.
        tree: The names of the selection, by which fields are wanted.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.is_php = random.random() < 0.25
        self.plain = random.random() < 0.8
        kind = random.choice(KINDS)
        owner = kind.strip("[]!")
        self.spec = Spec()
        if owner in ("T", "U"):
            path = self._path() if random.random() < 0.3 else ()
            below = self.spec.at(path)
            below.made = ("Query", "f")
            self.text, self.tree = self._selection(owner, 0, below)
            if path:
                self.text = f"$.{'.'.join(path)} {{ {self.text} }}"
        else:
            path = self._path()
            self.spec.at(path).made = ("Query", "f")
            self.text, self.tree = f"$.{'.'.join(path)}", {}
            self.text += "" if self.plain else random.choice(STEPS)
        sdl = f"""{LINK} @source(name: "b", http: {{ baseURL: "http://b" }}) {TYPES}
        type Query {{ f: {kind} @connect(source: "b", http: {{ GET: "/" }}, selection: {json.dumps(self.text)}) }}"""
        document = parse(sdl)
        self.schema: GraphQLSchema = build_ast_schema(document, assume_valid_sdl=True)
        bound = bind_connectors(
            self.schema,
            document,
            settings=ConnectorSettings(),
            sources={"b": SourceSettings(dialect="php" if self.is_php else "json")},
            env={},
            resolved=(),
        )
        self.call: ConnectorCall = bound.loaders[0].call
        assert self.schema.query_type is not None
        self.kind: Any = self.schema.query_type.fields["f"].type

    def __str__(self) -> str:
        return f"{'php' if self.is_php else 'json'} {self.kind} {self.text!r}"

    def _path(self) -> tuple[str, ...]:
        return tuple(self.random.choice(KEYS) for _ in range(self.random.choice((1, 1, 1, 2))))

    def _selection(self, owner: str, depth: int, spec: Spec) -> tuple[str, dict[str, Any]]:
        """Text and tree of the selection of a type's fields."""
        random = self.random
        fields = FIELDS[owner]
        names = [name for name, below in fields.items() if not below or depth < 2]
        items, tree = [], {}
        for name in random.sample(names, min(len(names), random.randint(1, 4))):
            form, below = random.random(), fields[name]
            if below and form < 0.2:
                inner, tree[name] = self._selection(below, depth + 1, spec)
                items.append(f"{name}: {{ {inner} }}")
                continue
            step = "" if self.plain or random.random() < 0.7 else random.choice(STEPS)
            path = (name,) if form < 0.4 else self._path()
            node = spec.at(path)
            node.made = (owner, name)
            inner, tree[name] = self._selection(below, depth + 1, node) if below else ("", {})
            text = name if form < 0.4 and not step else f"{name}: $.{'.'.join(path)}{step}"
            items.append(f"{text} {{ {inner} }}" if below else text)
        return " ".join(items), tree

    def wanted(self, tree: dict[str, Any] | None = None) -> FieldTree:
        """Some of the selection's fields, in an order."""
        tree = self.tree if tree is None else tree
        names = list(tree)
        self.random.shuffle(names)
        kept = names[: self.random.randint(min(1, len(names)), len(names))]
        return FieldTree({name: self.wanted(tree[name]) for name in kept})

    def answer(self) -> bytes:
        """The bytes of an answer."""
        random = self.random
        raw = list(RAW)
        if random.random() < 0.02:
            raw += BROKEN
        self._faults = random.choice((0.0, 0.0, 0.02, 0.1))
        value = self._at(self.spec)
        text = json.dumps(value, ensure_ascii=random.random() < 0.5).encode()

        def drawn(found: re.Match[bytes]) -> bytes:
            kinds = DEEP if found[2] else raw
            return kinds[int(found[1]) % len(kinds)]

        body = _RAW.sub(drawn, text)
        chance = random.random()
        if chance < 0.02:
            return b"\xef\xbb\xbf" + body
        if chance < 0.03:
            return body[: random.randrange(len(body) + 1)]
        return body + b" x" if chance < 0.035 else body

    def _at(self, spec: Spec) -> Any:
        """What stands at a place: an object on somebody's way, or what a field is made of."""
        if spec.made is None:
            return self._members(spec)
        owner: Any = self.schema.type_map[spec.made[0]]
        return self._value(owner.fields[spec.made[1]].type, spec)

    def _value(self, kind: Any, spec: Spec) -> Any:
        random = self.random
        if random.random() < self._faults:
            return self._anything(2)
        nullable = get_nullable_type(kind)
        if nullable is kind and random.random() < 0.1:
            return None
        if is_list_type(nullable):
            return [self._value(nullable.of_type, spec) for _ in range(random.choice((0, 1, 2)))]
        return self._leaf(nullable.name) if is_leaf_type(nullable) else self._members(spec)

    def _members(self, spec: Spec) -> Any:
        random = self.random
        made = {}
        for key, below in spec.members.items():
            if random.random() > self._faults * 3:
                made[key] = self._at(below)
        if random.random() < 0.1:
            made[random.choice(KEYS)] = self._anything(1)
        if random.random() < 3 * self._faults:
            deep = random.random() < 0.3
            made["unasked"] = f"@{random.randrange(1000)}D@" if deep else self._anything(1)
        return made

    def _leaf(self, name: str) -> Any:
        random = self.random
        if random.random() < self._faults:
            return f"@{random.randrange(1000)}@"
        values = LEAVES.get(name)
        return self._anything(1) if values is None else random.choice(values)

    def _anything(self, depth: int) -> Any:
        random = self.random
        kind = random.randrange(10 if depth else 8)
        if kind < 8:
            return (None, True, 1, 1.5, "1", f"@{random.randrange(1000)}@", 2**40, "")[kind]
        if kind == 8:
            return [self._anything(depth - 1) for _ in range(random.randrange(3))]
        return {random.choice(KEYS): self._anything(depth - 1) for _ in range(random.randrange(3))}
