"""One connector held against the rules: where it stands, whom it calls, and what it makes of the answer.

What concerns a schema as a whole is `connectors.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

from gateway.connectors.check.directive_values import DirectiveValueCheck
from gateway.connectors.check.entities import EntityCheck
from gateway.connectors.check.mappings import Findings, MappingCheck
from gateway.connectors.check.requests import EVERYWHERE, RequestCheck
from gateway.connectors.check.selections import SelectionCheck
from gateway.connectors.check.value_shapes import ConnectorScope
from gateway.connectors.directives import Connect, Directives
from gateway.connectors.mapping.nodes import MappingSelection
from gateway.connectors.overrides import OverrideUse
from gateway.graph.sdl import place_of
from gateway.settings.suggestions import suggest_or_list

OF_THE_ANSWER = frozenset({"status", "response"})
CONNECTOR_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class ConnectorCheck:
    """Checks connectors one by one.

    Args:
        findings: What is found is added to it.
        schema: Whose they are.
        directives: All of them.
        resolved: Coordinates with a Python resolver.
        uses: Each `@override`, by coordinate.
        arguments: Checks the values of directives.
        mappings: Checks mappings.
        requests: Checks what is sent.
    """

    def __init__(
        self,
        findings: Findings,
        schema: GraphQLSchema,
        directives: Directives,
        resolved: Collection[str],
        uses: Mapping[str, OverrideUse],
        arguments: DirectiveValueCheck,
        mappings: MappingCheck,
        requests: RequestCheck,
    ) -> None:
        self.findings = findings
        self.schema = schema
        self.directives = directives
        self.resolved = resolved
        self.uses = uses
        self.arguments = arguments
        self.mappings = mappings
        self.requests = requests
        self.entities = EntityCheck(findings, schema, directives.spec)
        self.selections = SelectionCheck(schema, findings.at_offset, mappings.mild)
        self._ids: set[str] = set()

    def check(self, connect: Connect) -> None:
        """Note what is wrong with a connector, and with it beside those that were checked before."""
        owner, target = self._owner(connect)
        if owner is None:
            return
        if owner is self.schema.subscription_type and connect.coordinate not in self.resolved:
            message = "a connector cannot give a subscription"
            hint = "give the field a @subscription in Python"
            self.findings.at(connect.node, "SubscriptionInConnectors", message, hint)
        self.arguments.check(connect.node)
        self._alternatives(connect, target)
        allowed = self._allowed(connect, owner)
        self._source_of(connect)
        self.requests.methods(connect)
        self._identifier(connect)
        scope = ConnectorScope(connect, owner, target)
        if connect.methods:
            self.requests.url(connect, allowed, scope)
        self.requests.headers(connect.headers, allowed, scope)
        self.mappings.request(connect.body, allowed, scope, "InvalidBody")
        self.mappings.url_property(connect.path, allowed, scope, "a list")
        self.mappings.url_property(connect.query_params, allowed, scope, "an object")
        answers = (allowed | OF_THE_ANSWER) - {"batch"}
        self.mappings.answer(connect.errors, answers, scope)
        selection = self._selection(scope, answers)
        self.entities.entity(scope)
        if selection is not None:
            self.entities.batch(scope, selection)

    def _alternatives(self, connect: Connect, target: GraphQLField | None) -> None:
        """§2.4: several connectors on a field, on one side of its `@override`, give different members of its value."""
        if connect.index == 0 or target is None:
            return
        use = self.uses.get(connect.coordinate)
        before = [
            c
            for c in self.directives.connects
            if c.coordinate == connect.coordinate
            and (use is None or use.is_before(c) == use.is_before(connect))
        ]
        if before[0] is connect:
            return
        file, line, column = place_of(before[0].node)
        first = f"{connect.coordinate} has a connector at {file}:{line}:{column}"
        if connect.coordinate.partition(".")[0] == getattr(self.schema.mutation_type, "name", None):
            message = f"{first}: which of two would write?"
            self.findings.at(connect.node, "SecondConnector", message, "leave one")
        elif is_leaf_type(get_named_type(target.type)):
            message = f"{first}, and a value has no members that another could give"
            self.findings.at(connect.node, "SecondConnector", message, "leave one")

    def _identifier(self, connect: Connect) -> None:
        if connect.id is None:
            return
        if not CONNECTOR_ID.fullmatch(connect.id):
            message = f"`{connect.id}` is not an identifier"
            self.findings.at(connect.node, "InvalidConnectorIdName", message)
        elif connect.id in self._ids:
            message = f"the id `{connect.id}` is used twice"
            self.findings.at(connect.node, "DuplicateIdName", message)
        self._ids.add(connect.id)

    def _owner(self, connect: Connect) -> tuple[GraphQLObjectType | None, GraphQLField | None]:
        type_name, _, field_name = connect.coordinate.partition(".")
        owner = self.schema.type_map.get(type_name)
        if not isinstance(owner, GraphQLObjectType):
            self.findings.at(
                connect.node, "MissingSchemaType", f"there is no object type `{type_name}`"
            )
            return None, None
        return owner, owner.fields.get(field_name)

    def _allowed(self, connect: Connect, owner: GraphQLObjectType) -> frozenset[str]:
        if connect.on_type:
            return EVERYWHERE | {"this", "batch"}
        root = owner in (self.schema.query_type, self.schema.mutation_type)
        extra = {"args"} if root else {"args", "this"}
        return EVERYWHERE | extra | ({"batch"} if connect.group_by else set())

    def _source_of(self, connect: Connect) -> None:
        names = [source.name for source in self.directives.sources]
        if connect.source is None or connect.source in names:
            return
        node = next(a.value for a in connect.node.arguments or () if a.name.value == "source")
        message = f"there is no @source `{connect.source}`"
        if not names:
            hint = "declare one: extend schema @source(name: …, http: { baseURL: … })"
            self.findings.at(node, "NoSourcesDefined", message, hint)
            return
        hint = suggest_or_list(connect.source, names)
        self.findings.at(node, "SourceNameMismatch", message, hint)

    def _selection(self, scope: ConnectorScope, allowed: frozenset[str]) -> MappingSelection | None:
        connect = scope.connect
        text = connect.selection
        if text is None:
            message = f"@connect on {connect.coordinate} has no selection"
            hint = "`$` is the whole response"
            self.findings.at(connect.node, "InvalidSelection", message, hint)
            return None
        selection = self.mappings.parsed(text, "InvalidSelection")
        if selection is None:
            return None
        if not selection.items:
            self.findings.at_offset(text, 0, "InvalidSelection", "the selection is empty")
            return None
        self.mappings.variables(text, 0, selection, allowed, scope, "InvalidSelection")
        target = scope.target
        kind = get_named_type(target.type) if target is not None else scope.owner
        self.selections.check(text, selection, kind, connect.group_by)
        return selection
