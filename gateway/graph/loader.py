"""What loads a column: the protocol of a loader, and the rows that it gives.

It must not know connectors, HTTP or the plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import msgspec

from gateway.client.vary import Vary
from gateway.graph.field_tree import FieldTree

if TYPE_CHECKING:
    from gateway.context import Context


class Loader(Protocol):
    """Gives a field's value (or a type's missing fields) for a column of parents in one call.

    Attributes:
        coordinate: `Video.channel` for a field, `Channel` for a type.
        source: The upstream source's name, None for Python code.
        reads: What it reads of each parent; None when it may read anything.
        supplies: What its values hold, by GraphQL name; None when not known before the call.
        vary: What it reads of the client; None when that is not known.

    Five members are optional. `describe() -> str` is shown where a plan is explained: how the loader reads what it
    loads. `row_classes: RowClasses | None` are the classes of its rows, so that the first code of a plan is made for
    them. `sources: tuple[str | None, ...]` are all that it may call, where that is more than `source`.
    `is_of_python: bool` says that functions of the user's have a part in its values, whatever it calls.
    `flags: frozenset[str]` are those that it reads, for where `vary` is None.
    """

    coordinate: str
    source: str | None
    reads: FieldTree | None
    supplies: FieldTree | None
    vary: Vary | None

    def project(self, wanted: FieldTree) -> Loader:
        """A loader of the same values that need hold no more than `wanted`. May return itself."""
        ...

    async def load(
        self, parents: Sequence[Any], arguments: Mapping[str, Any], context: Context
    ) -> Sequence[Any]:
        """Load the values of `parents`, in order.

        Shape: the result has `parents`' length; each item is the field's value (for a type's loader:
            an object with the fields it supplies, or None), or an Exception *instance* that belongs
            to that parent alone. Objects are dicts by GraphQL field name, or `DecodedRow`s. Each has every
            name that the loader supplies, with None where the answer lacks it: a name that is absent
            still has to be fetched. Callers do not change them.
        Errors: what is raised belongs to every parent.
        """
        ...


def called_sources(loader: Loader) -> tuple[str | None, ...]:
    """Every source that a loader may call."""
    found: tuple[str | None, ...] = getattr(loader, "sources", (loader.source,))
    return found


def is_of_python(loader: Loader) -> bool:
    """Whether functions of the user's have a part in what a loader gives."""
    return None in called_sources(loader) or getattr(loader, "is_of_python", False)


def flags_read(loader: Loader) -> frozenset[str]:
    """The flags that a loader reads."""
    if loader.vary is not None:
        return loader.vary.flags
    found: frozenset[str] = getattr(loader, "flags", frozenset())
    for one in getattr(loader, "loaders", ()):
        found |= flags_read(one)
    return found


class DecodedRow(msgspec.Struct, gc=False, eq=False):
    """The base of rows that were decoded from an answer: reading one runs no code of the user.

    A row is equal to itself alone, so that it can be looked up.

    Attributes:
        __exact__: By field name the GraphQL type, as SDL writes it, that every row's value is known to
            have: such a value is completed by taking it as it is (an ID that is an integer by its text).
    """

    __exact__: ClassVar[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class RowClasses:
    """The class that a loader's rows have, as long as its backend answers as the schema says.

    Attributes:
        row_class: The class.
        members: The same of the objects in them, by GraphQL name.
    """

    row_class: type[DecodedRow]
    members: Mapping[str, RowClasses]


def is_attribute(name: str) -> bool:
    """Whether a field's name may stand in generated text as an attribute of a row.

    Reading it so costs a third of `attrgetter`. The schema has checked that it is a GraphQL name.
    """
    return name.isidentifier() and not iskeyword(name) and not name.startswith("_")
