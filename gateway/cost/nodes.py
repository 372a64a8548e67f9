"""The cost of one operation as data: a formula, and the tree of what it selects."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.cost.formula import Amount, Formula

BySource = dict[str, Formula]


@dataclass(frozen=True, slots=True, eq=False)
class FieldCost:
    """One response key of objects of one type.

    Attributes:
        key: The response key.
        own: What each call of the field costs.
        leaf: What each of its leaves costs; nothing for objects.
        levels: How many lists are around its values.
        objects: What each of its objects costs, by its type; none for leaves.
    """

    key: str
    own: Formula
    leaf: Amount
    levels: int
    objects: tuple[ObjectCost, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ObjectCost:
    """One object of one type at one place, with what is below it.

    Attributes:
        weight: Of its type.
        fields: Those that say more than `always`.
        by_key: The same by their response keys.
        always: What its fields cost, whatever their values are.
        keys: Its response keys.
        total: What all of it may cost.
        by_source: What of that each source may cost.
        each: What every one costs that is there, where that is a number; None where its fields have a say.
    """

    weight: Amount
    fields: tuple[FieldCost, ...]
    by_key: dict[str, FieldCost]
    always: Formula
    keys: frozenset[str]
    total: Formula
    by_source: BySource
    each: Amount | None


@dataclass(frozen=True, slots=True, eq=False)
class OperationCost:
    """What an operation costs, for one set of values of the variables of `@skip` and `@include`.

    Attributes:
        formula: What it may cost.
        by_source: What of that each source may cost.
        root: What is walked when it was executed.
        base: What it costs beside its fields.
        size_bytes: What it takes in memory, estimated.
        fixed: What it may cost, whatever a request gives; None where that has a say.
    """

    formula: Formula
    by_source: BySource
    root: ObjectCost
    base: Amount
    size_bytes: int
    fixed: Amount | None

    def is_current(self) -> bool:
        """It is bound to nothing that changes."""
        return True
