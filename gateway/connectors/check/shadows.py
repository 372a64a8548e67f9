"""Holds each `@shadow` against the `@override` that it stands beside, and the coordinates that it names."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from graphql import GraphQLSchema, is_list_type
from graphql.type import get_nullable_type

from gateway.connectors.check.mappings import Findings
from gateway.connectors.overrides import OverrideUse
from gateway.connectors.shadow.uses import ShadowUse
from gateway.settings.suggestions import suggest


def check_shadows(
    findings: Findings,
    schema: GraphQLSchema,
    uses: Mapping[str, ShadowUse],
    overrides: Collection[OverrideUse],
) -> None:
    """Add what is wrong with them.

    Args:
        findings: What is wrong is added to them.
        schema: As built.
        uses: Its `@shadow`s.
        overrides: Its `@override`s that are right.
    """
    moved = {use.coordinate for use in overrides}
    mutation = getattr(schema.mutation_type, "name", None)
    for use in uses.values():
        if use.coordinate.partition(".")[0] == mutation:
            message = f"{use.coordinate} would be done twice"
            hint = "compare what is read afterwards: put @shadow on fields of Query and on types"
            findings.at(use.node, "ShadowOnMutation", message, hint)
        elif use.coordinate not in moved:
            message = f"{use.coordinate} has no @override that says what is compared with what"
            hint = 'put @override(from: "…", label: "…") beside it, with the label off'
            findings.at(use.node, "ShadowMisplaced", message, hint)
        _check_values(findings, schema, use)


def _check_values(findings: Findings, schema: GraphQLSchema, use: ShadowUse) -> None:
    problem = ""
    if not (0 < use.percent <= 100 and round(use.percent * 100) == use.percent * 100):
        problem = (
            f"percent: {use.percent:g} is no share: above 0, to 100, with two decimals at most"
        )
    elif not (0 <= use.tolerance < 1 and math.isfinite(use.tolerance)):
        problem = f"tolerance: {use.tolerance:g} is no part of a number: 0 to below 1"
    if problem:
        findings.at(use.node, "ShadowValueInvalid", problem)
    known = {
        f"{name}.{field}": each.type
        for name, kind in schema.type_map.items()
        for field, each in getattr(kind, "fields", {}).items()
    }
    for name in sorted(use.ignore | use.unordered):
        if name not in known:
            hint = suggest(name, known) or "write it as Type.field"
            message = f"there is no field `{name}`"
            findings.at(use.node, "ShadowFieldUnknown", message, hint)
        elif name in use.unordered and not is_list_type(get_nullable_type(known[name])):
            findings.at(use.node, "ShadowFieldUnknown", f"`{name}` is no list, and has no order")
