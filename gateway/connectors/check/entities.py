"""Holds connectors that complete objects against the rules of entities and batches.

Source: connectors.md §15.2, §16, §18; the codes are the reference checker's.
"""

from __future__ import annotations

from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    Node,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from gateway.connectors.check.mappings import Findings
from gateway.connectors.check.value_shapes import ConnectorScope
from gateway.connectors.directives import UNTYPED, Connect, SchemaText
from gateway.connectors.mapping.analyse import supplied_fields
from gateway.connectors.mapping.nodes import Braces, MappedField, MappingSelection, Variable
from gateway.connectors.mapping.parse import parse_mapping
from gateway.connectors.mapping.scanner import MappingSyntaxError
from gateway.connectors.walk import request_selections, variable_paths


class EntityCheck:
    """Checks `entity`, connectors on types, and `$batch`."""

    def __init__(self, findings: Findings, schema: GraphQLSchema, spec: str) -> None:
        self.findings = findings
        self.schema = schema
        self.spec = spec

    def entity(self, scope: ConnectorScope) -> None:
        """§15.2: where a connector may complete objects, and that its arguments are their key."""
        connect, owner = scope.connect, scope.owner
        at = self.findings.at
        if connect.on_type:
            roots = (
                self.schema.query_type,
                self.schema.mutation_type,
                self.schema.subscription_type,
            )
            if owner in roots:
                at(connect.node, "ConnectOnRoot", f"@connect cannot stand on {owner.name}")
            if connect.entity is False:
                message = "on a type, entity is always true"
                at(connect.node, "ConnectOnTypeMustBeEntity", message)
            return
        if not connect.entity or scope.target is None:
            return
        kind: Any = scope.target.type
        if owner is not self.schema.query_type:
            at(connect.node, "EntityNotOnRootQuery", "entity: true is for fields of Query")
        elif not isinstance(kind, GraphQLObjectType):
            # A row that is not there then nulls more than itself; before v0.3 that is all.
            is_object = isinstance(get_nullable_type(kind), GraphQLObjectType)
            severity = "warning" if is_object and self.spec in UNTYPED else "error"
            message = f"entity: true needs a nullable object type, not {kind}"
            at(connect.node, "EntityTypeInvalid", message, severity=severity)
        else:
            for name, argument in scope.target.args.items():
                where = f"the argument `{name}`"
                self._key(where, name, argument.type, argument.ast_node, kind, frozenset())

    def _key(
        self,
        what: str,
        name: str,
        given: Any,
        node: Node | None,
        owner: GraphQLObjectType,
        around: frozenset[str],
    ) -> None:
        """One argument, or one field of an input object, against the field of its name."""
        code = "EntityResolverArgumentMismatch"
        if name not in owner.fields:
            self.findings.at(node, code, f"{what} is not a field of {owner.name}")
            return
        kind, target = get_named_type(given), get_named_type(owner.fields[name].type)
        if is_leaf_type(kind) != is_leaf_type(target):
            message = f"{what} is {kind.name}, and {owner.name}.{name} is {target.name}"
            self.findings.at(node, code, message)
        elif isinstance(kind, GraphQLInputObjectType) and isinstance(target, GraphQLObjectType):
            if kind.name in around:
                return
            for inner, member in kind.fields.items():
                where = f"the field `{inner}` of {kind.name}"
                below = around | {kind.name}
                self._key(where, inner, member.type, member.ast_node, target, below)

    def batch(self, scope: ConnectorScope, selection: MappingSelection) -> None:
        """§15.2, §16.4: what reads `$batch`, and whether the answer's rows can be told apart."""
        connect = scope.connect
        used: dict[str, tuple[SchemaText, int]] = {}
        keys: list[str] = []
        for text, offset, part in request_selections(connect, self.spec):
            for variable, path in variable_paths(part):
                used.setdefault(variable.name, (text, offset + variable.start))
                if variable.name == "batch" and path:
                    keys.append(path[0].name)
        if "batch" not in used:
            if connect.max_size is not None or connect.group_by is not None:
                message = f"`batch` of {connect.coordinate} has no effect: nothing reads $batch"
                self.findings.at(connect.node, "BatchWithoutKeys", message, severity="warning")
            return
        errors = connect.errors
        for answering in (connect.selection, errors.is_success, errors.message, errors.extensions):
            self._note_this(answering, used)
        if "this" in used:
            message = "a connector may not read both $this and $batch"
            self.findings.at_offset(*used["this"], "ConnectBatchAndThis", message)
        if connect.group_by is not None:
            self._group(scope, set(keys))
            keys = [connect.group_by]
        for name in dict.fromkeys(keys):
            self._row_key(connect, selection, name)

    def _note_this(self, text: SchemaText | None, used: dict[str, tuple[SchemaText, int]]) -> None:
        """`$this` behind the request: there is no one object that a batch is for."""
        try:
            selection = parse_mapping(text.value, self.spec) if text is not None else None
        except MappingSyntaxError:
            return  # told elsewhere
        for variable, _ in variable_paths(selection) if selection is not None else ():
            if variable.name == "this" and text is not None:
                used.setdefault("this", (text, variable.start))

    def _group(self, scope: ConnectorScope, keys: set[str]) -> None:
        """`groupBy` hands the rows to parents that one member tells apart."""
        node, code = scope.connect.node, "InvalidGroupBy"
        if scope.target is None:
            hint = "leave it out: objects of a type are matched by the key that $batch reads"
            self.findings.at(node, code, "groupBy is for connectors on fields", hint)
        elif not is_list_type(get_nullable_type(scope.target.type)):
            message = (
                f"groupBy gives each parent a list, but {scope.connect.coordinate} is not a list"
            )
            self.findings.at(node, code, message)
        elif len(keys) > 1:
            message = f"groupBy names one member, and $batch is read by {', '.join(sorted(keys))}"
            self.findings.at(node, code, message)

    def _row_key(self, connect: Connect, selection: MappingSelection, name: str) -> None:
        text = connect.selection
        assert text is not None
        if name not in supplied_fields(selection).members:
            message = f"the selection must map the batch's key `{name}`"
            hint = f"add `{name}` to it, or `{name}: …`"
            code = "ConnectorsBatchKeyNotInSelection"
            self.findings.at_offset(text, selection.start, code, message, hint)
            return
        path = selection.value_path
        braces: Braces | None = selection.braces if path is None else path.braces
        for item in braces.items if braces is not None else ():
            if isinstance(item, MappedField) and item.name == name:
                origin = item.path.origin
                if isinstance(origin, Variable):
                    message = (
                        f"the batch's key `{name}` must come from the answer, not ${origin.name}"
                    )
                    code = "ConnectorsNonRootBatchKey"
                    self.findings.at_offset(text, origin.start, code, message)
