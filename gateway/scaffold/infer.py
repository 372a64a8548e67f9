"""From the value of one answer to GraphQL types and the mapping that gives them. Pure: a value in, text out.

It claims no more than the answer shows: everything may be null but an `id` that every object has, and what has
several types is JSON.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_ROWS = 50
MAX_DEPTH = 6
MAX_MEMBERS = 60
"""Of one object: a map by id has more, and is no type."""
INT_LIMIT = 2**31
SAFE_INTEGER = 2**53
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DIGITS = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")
RESERVED = frozenset({
    "Query", "Mutation", "Subscription", "String", "Int", "Float", "Boolean", "ID", "JSON", "BigInt",
})  # fmt: skip
"""Names that no type of an answer may have."""


@dataclass(frozen=True, slots=True)
class Inferred:
    """What was made of an answer.

    Attributes:
        type: Of the root field, `[Post!]`.
        named: Its named type.
        selection: The mapping, lines without indentation.
        types: The types' SDL.
        query: Fields that a first query may ask for, with their braces; "" for a scalar.
        sample: The answer with fewer rows.
        scalars: The custom scalars of the types.
    """

    type: str
    named: str
    selection: str
    types: str
    query: str
    sample: Any
    scalars: tuple[str, ...]


@dataclass(slots=True)
class Inference:
    """The types that are found on the way.

    Attributes:
        is_php: Whether texts of digits are numbers, and `[]` may be an empty object.
        types: The types by name, as SDL.
        scalars: The custom scalars that they need.
    """

    is_php: bool
    types: dict[str, str] = field(default_factory=dict)
    scalars: set[str] = field(default_factory=set)

    def infer(self, value: Any, name: str) -> Inferred:
        """Types, mapping and sample of an answer.

        Args:
            value: The answer.
            name: Of its type, where it has objects.
        """
        envelope = _envelope(value)
        inner = value[envelope] if envelope else value
        sample = inner[:2] if isinstance(inner, list) else inner
        if envelope:
            sample = {**value, envelope: sample}
        kind, selection = self._kind([inner], name, "", 0)
        query = ""
        if selection:
            selection = (
                f"$.{_key(envelope)} {{\n{_indented(selection)}\n}}" if envelope else selection
            )
            query = f"{{ {' '.join(self._leaves(name)[:4])} }}"
        else:
            selection = f"$.{_key(envelope)}" if envelope else "$"
        scalars = tuple(sorted(self.scalars))
        types = "\n\n".join([*self.types.values(), *(f"scalar {own}" for own in scalars)])
        named = re.sub(r"[\[\]!]", "", kind)
        return Inferred(kind, named, selection, types, query, sample, scalars)

    def _leaves(self, name: str) -> list[str]:
        """The fields of a type that have no fields."""
        fields = re.findall(r"^  (\w+): (\w+)!?$", self.types.get(name, ""), re.MULTILINE)
        return [own for own, kind in fields if kind not in self.types]

    def _kind(
        self, values: Sequence[Any], name: str, member: str, depth: int
    ) -> tuple[str, str | None]:
        """The type of a place that held these values, and the mapping of its members; None for a leaf."""
        given = [value for value in values if value is not None]
        if self.is_php:
            given = [value for value in given if value not in ("", [])] or given
        lists = [value for value in given if isinstance(value, list)]
        if lists and len(lists) == len(given):
            items = [item for value in lists for item in value][:MAX_ROWS]
            kind, selection = self._kind(items, name, member, depth)
            is_full = selection is not None and None not in items
            return (f"[{kind}!]" if is_full else f"[{kind}]"), selection
        objects = [value for value in given if isinstance(value, dict)]
        is_object = objects and len(objects) == len(given)
        members = list(dict.fromkeys(key for value in objects for key in value))
        if is_object and depth < MAX_DEPTH and 0 < len(members) <= MAX_MEMBERS:
            return self._object(objects, members, name, depth)
        return self._leaf(given, member), None

    def _object(
        self, objects: Sequence[dict[str, Any]], members: Sequence[str], name: str, depth: int
    ) -> tuple[str, str | None]:
        name = self._free(name)
        self.types[name] = ""  # before those below it
        fields: dict[str, str] = {}
        lines: list[str] = []
        for member in members:
            own = field_name(member)
            if own is None or own in fields:
                continue
            below = type_name(member)
            below = name + below if below in self.types or below in RESERVED else below
            values = [value.get(member) for value in objects]
            kind, selection = self._kind(values, below, member, depth + 1)
            is_required = own == "id" and all(v is not None for v in values)
            fields[own] = f"{kind}!" if is_required else kind
            source = own if own == member else f"{own}: {_key(member)}"
            lines.append(f"{source} {{\n{_indented(selection)}\n}}" if selection else source)
        if not fields:
            del self.types[name]
            return self._json(), None
        body = "\n".join(f"  {own}: {kind}" for own, kind in fields.items())
        self.types[name] = f"type {name} {{\n{body}\n}}"
        return name, "\n".join(lines)

    def _leaf(self, values: Sequence[Any], member: str) -> str:
        if not values:
            return self._json()
        if is_id(member) and all(
            isinstance(v, str | int) and not isinstance(v, bool) for v in values
        ):
            return "ID"
        kinds = {self._scalar(value, member) for value in values}
        if kinds <= {"Int", "Float"}:
            return "Float" if "Float" in kinds else "Int"
        if kinds <= {"Int", "BigInt"}:
            self.scalars.add("BigInt")
            return "BigInt"
        if len(kinds) == 1 or (self.is_php and kinds <= {"String", "Int", "Float"}):
            return kinds.pop() if len(kinds) == 1 else "String"
        return self._json()

    def _scalar(self, value: Any, member: str) -> str:
        if isinstance(value, bool):
            return "Boolean"
        if isinstance(value, str) and self.is_php:
            if re.match(r"(?:is|has|can)(?=_|[A-Z])", member) and value in ("0", "1"):
                return "Boolean"
            if _DIGITS.fullmatch(value):
                value = int(value)
            elif _DECIMAL.fullmatch(value):
                return "Float"
        if isinstance(value, int):
            return "Int" if -INT_LIMIT <= value < INT_LIMIT else "BigInt"
        if isinstance(value, float):
            return "Float"
        return "String" if isinstance(value, str) else "JSON"

    def _json(self) -> str:
        self.scalars.add("JSON")
        return "JSON"

    def _free(self, name: str) -> str:
        """A name that no type has."""
        taken = self.types.keys() | RESERVED
        number = 2
        free = name
        while free in taken:
            free, number = f"{name}{number}", number + 1
        return free


def is_id(member: str) -> bool:
    """Whether a member's name says that it holds an id."""
    return member.lower() == "id" or member.endswith(("_id", "Id", "ID"))


def _envelope(value: Any) -> str | None:
    """The member that holds the rows, where the answer is `{"data": [{…}], "total": 2}`."""
    if not isinstance(value, dict):
        return None
    rows = [
        key
        for key, item in value.items()
        if isinstance(item, list) and item and all(isinstance(row, dict) for row in item)
    ]
    others = [item for key, item in value.items() if key not in rows]
    is_plain = not any(isinstance(item, list) for item in others) and "id" not in value
    return rows[0] if len(rows) == 1 and is_plain else None


def field_name(member: str) -> str | None:
    """The field of a member: in camelCase; None where no field can have such a name."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", member) if word]
    if not words:
        return None
    first, *rest = words
    if first.isupper():
        first = first.lower()
    name = first[:1].lower() + first[1:] + "".join(word[:1].upper() + word[1:] for word in rest)
    return name if _NAME.fullmatch(name) and not name.startswith("__") else None


def type_name(member: str) -> str:
    """The type of a member: singular and in PascalCase."""
    name = field_name(member) or "item"
    return (name[:1].upper() + name[1:])[: -len(_plural_end(name)) or None] + _singular_end(name)


def _plural_end(name: str) -> str:
    if name.endswith("ies") and len(name) > 4:
        return "ies"
    if name.endswith(("sses", "xes", "ches", "shes")):
        return "es"
    if name.endswith("s") and not name.endswith(("ss", "us", "is")) and len(name) > 2:
        return "s"
    return ""


def _singular_end(name: str) -> str:
    return "y" if _plural_end(name) == "ies" else ""


def _key(member: str | None) -> str:
    """A member's name as a mapping writes it."""
    name = member or ""
    if _NAME.fullmatch(name):
        return name
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
