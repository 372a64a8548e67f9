"""One operation of a document: what is made once, and kept by whoever caches it.

A prepared operation has one compiled plan for each set of values of its shaping variables, made when it
is first asked for. What no plan can express runs as a whole on graphql-core: the fallback.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cached_property, partial
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    print_ast,
)

from gateway.auth.decisions import Decisions, Guard, Need
from gateway.codegen.code import Code
from gateway.cost.operation_cost import OperationCosts
from gateway.execute.compile_code import OperationCompiler
from gateway.execute.costs import PreparedCosts
from gateway.execute.deferred import IncrementalCode
from gateway.execute.of_clients import (
    NodeNeeds,
    OfClients,
    denied_nodes,
    needs_of_variables,
    whole_needs,
)
from gateway.execute.weight import size_of_operation
from gateway.graph.needs import find_needs, needs_of
from gateway.graph.overrides import flags_of, has_shadows, labels_of
from gateway.graph.views.view import SchemaView
from gateway.language.fingerprint import fingerprint
from gateway.plan.collect import CannotCompileError, shaping_variables
from gateway.plan.compile import DeniedNodes
from gateway.plan.kinds import Wraps
from gateway.plan.nodes import Plan
from gateway.plan.show import print_plan
from gateway.runtime import reference
from gateway.runtime.bound_plan import Bound
from gateway.runtime.bounds import UNLIMITED, ResultLimits
from gateway.runtime.request import Source
from gateway.runtime.variables import VariableCoercers, ViewCoercers
from gateway.runtime.variants import Asker, Growing, Variants, client_key, weakly

# A document with more shaping variables has too many variants.
MAX_SHAPING = 8


INTROSPECTION = frozenset({"__schema", "__type"})


class Prepared:
    """One operation of one document, for one schema.

    Args:
        schema: Bound to its resolvers and loaders.
        document: Parsed and validated.
        operation_name: As the client sent it.
        slots: Literals that other texts of the same plan have other values for: offset of the literal in this
            document to the number of its slot.
        field_resolver, type_resolver: What stands in for graphql-core's default ones.
        wraps: Which fields a middleware wraps.
        limits: What its results may be.
        growing: Admits and charges the client for whom something more is made of the operation later.
        is_planned: Whether a plan is worth making; else it runs on graphql-core.
        denied: Field nodes that are not answered.
        view: What of the schema its clients see, where that may change its answer.
        overrides: The labels of `@override` that are on.
        mark: What tells it from the same operation for other clients, in names of its code.
        costs: Makes what it costs; None where nobody asks.
        document_hash: The document's fingerprint, where that is known.

    Attributes:
        operation_name: None for an anonymous operation.
        operation_type: `query`, `mutation` or `subscription`; None when there is no such operation.
        document_hash: The document's fingerprint; it holds no literal.
        executor: `compiled` or `fallback`.
        is_incremental: Whether its answer comes in several payloads.
        reason: Why it has no plan for its whole answer; None when it has one.
        incremental_reason: Why a query with `@defer` has no plans for its payloads either, and falls back.
        limits: What its results may be.
        errors: Request errors of an operation that cannot be chosen; nothing can be run then.
        guard: The rules that decide which of its fields are answered; None without any, and once it is filtered.
        view: What of the schema its clients see; None for all, or where it makes no difference.
        denied: Field nodes that are not answered, by `id`, each with "field" or "type": what its rule stands on.
        denials: Where they stand, by the code; kept by `execute.denials`.
        labels: Those of `@override` that decide fields of it, sorted.
        overrides: Those of them that are on; none in an operation that was not asked for a client.
        is_shadowed: Whether fields of it may be compared with what another source gives.
        flags: Those that its fields read where these labels are on, sorted.
        is_chosen: Whether a variant of it is chosen, or anything decided, for each client.
        costs: What it costs; None where nobody asks, or there is no such operation.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation_name: str | None = None,
        *,
        slots: Mapping[int, int] | None = None,
        field_resolver: Callable[..., Any] | None = None,
        type_resolver: Callable[..., Any] | None = None,
        wraps: Wraps | None = None,
        limits: ResultLimits = UNLIMITED,
        growing: Callable[..., AbstractContextManager[None]] | None = None,
        is_planned: bool = True,
        denied: DeniedNodes | None = None,
        view: SchemaView | None = None,
        overrides: tuple[str, ...] = (),
        mark: str = "",
        costs: OperationCosts | None = None,
        document_hash: str | None = None,
    ) -> None:
        self.schema = schema
        self.view = view
        self.denied = denied
        self.denials: dict[Any, Any] = {}
        self.labels: tuple[str, ...] = ()
        self.flags: tuple[str, ...] = ()
        self.is_chosen = False
        self.overrides = overrides
        self._mark = mark
        if document_hash is None:
            document_hash = fingerprint(
                document.loc.source.body if document.loc else print_ast(document)
            )
        self.document_hash = document_hash
        self._of_clients: OfClients[Prepared] = OfClients(
            partial(
                Prepared,
                schema,
                operation_name=operation_name,
                document_hash=document_hash,
                slots=slots,
                field_resolver=field_resolver,
                type_resolver=type_resolver,
                limits=limits,
                is_planned=is_planned,
                view=view,
                costs=costs,
            )
        )
        self.costs: PreparedCosts | None = None
        self._needs: NodeNeeds = {}
        self.guard: Guard | None = None
        self.limits = limits
        self.source = Source(lambda: document, operation_name)
        self.slots = slots
        self.field_resolver = field_resolver
        self.type_resolver = type_resolver
        self.errors: list[GraphQLError] | None = None
        self.reason: str | None = None
        self.shaping: tuple[str, ...] = ()
        self.incremental_reason: str | None = None
        self._growing: Growing = weakly(growing, self)
        compiler = OperationCompiler(
            schema,
            self.source,
            document_hash[:8],
            self._growing,
            slots=slots,
            field_resolver=field_resolver,
            type_resolver=type_resolver,
            wraps=wraps,
            denied=denied,
            view=view,
            overrides=overrides,
            mark=mark,
        )
        self._variants = Variants(compiler.compile_code, self._growing)
        self._parts = Variants(compiler.compile_parts, self._growing)
        operation = self.source.operation
        self.operation_type = operation.operation.value if operation else None
        self.is_shadowed = self.operation_type != "mutation" and has_shadows(schema)
        self.operation_name = operation.name.value if operation and operation.name else None
        self.is_incremental, self.executor = False, "compiled"
        if operation is None:
            # Choosing fails before anything is resolved, so that graphql-core says why.
            self.errors = reference.execute(schema, document, operation_name=operation_name).errors  # type: ignore
            return
        self.coercers = VariableCoercers(schema, operation)
        if view is not None:
            self.coercers = ViewCoercers(VariableCoercers(view.schema, operation), self.coercers)
        self.labels = labels_of(schema, document, operation)
        self.flags = flags_of(schema, document, operation, overrides)
        if costs is not None:
            self.costs = PreparedCosts(costs, self.source, slots, denied or (), self._growing)
        needs = needs_of(schema) if denied is None else None
        if needs is not None:
            self._needs = find_needs(needs, document, operation)
        if self._needs:
            self.guard = Guard(rule for need, _ in self._needs.values() for rule in need)
        self.is_chosen = bool(self.labels or self.flags) or self.guard is not None
        if not is_planned:
            self.reason, self.executor = "more work than limits.max_work", "fallback"
            return
        try:
            self._check(operation)
            if not self.shaping:
                self._variants.make_first()
        except CannotCompileError as error:
            self.reason = str(error)
        except RecursionError:
            self.reason = "nested too deeply"
        is_delivered = self.reason in ("@defer", "@stream")
        self.is_incremental = is_delivered and self.operation_type != "subscription"
        if self.is_incremental:
            self._prepare_parts(operation)
        if (self.incremental_reason if self.is_incremental else self.reason) is not None:
            self.executor = "fallback"

    def filtered(self, decisions: Decisions, client_key: str | None) -> Prepared:
        """The same operation for clients with these decisions, without the fields that they may not see.

        Errors: ClientError(UNCACHED_DOCUMENTS_LIMIT).
        """
        assert self.guard is not None
        if all(decisions):
            return self
        return self._of_clients.get(decisions) or self._filter(decisions, client_key)

    def _filter(self, decisions: Decisions, client_key: str | None) -> Prepared:
        assert self.guard is not None
        document, found = self.source.document, self._needs
        if self.is_incremental and self.executor == "fallback":
            document, found = whole_needs(self.schema, self.source)
        denied = denied_nodes(found, self.guard.denied(decisions))
        mark = "~" + "".join("01"[is_met] for is_met in decisions)
        given = {"denied": denied, "overrides": self.overrides, "mark": self._mark + mark}
        return self._of_clients.make(decisions, self._growing, client_key, document, given)

    def overridden(self, overrides: tuple[str, ...], client_key: str | None) -> Prepared:
        """The same operation for clients for whom these of its labels are on.

        Errors: ClientError(UNCACHED_DOCUMENTS_LIMIT).
        """
        if overrides == self.overrides:
            return self
        mark = self._mark + "@" + "".join("01"[label in overrides] for label in self.labels)
        given = {"denied": self.denied, "overrides": overrides, "mark": mark}
        document = self.source.document
        return self._of_clients.get(overrides) or self._of_clients.make(
            overrides, self._growing, client_key, document, given
        )

    def given_needs(self, raw: Mapping[str, Any]) -> dict[str, Need]:
        """What the variables' values need, by the variable."""
        return needs_of_variables(self.schema, self.source, raw)

    def _prepare_parts(self, operation: OperationDefinitionNode) -> None:
        try:
            self._check(operation, defers=True)
            if not self.shaping:
                self._parts.make_first()
        except CannotCompileError as error:
            self.incremental_reason = str(error)
        except RecursionError:
            self.incremental_reason = "nested too deeply"

    def _check(self, operation: OperationDefinitionNode, *, defers: bool = False) -> None:
        self.shaping = shaping_variables(self.source.document, operation, defers=defers)
        # Without a plan nothing of an operation is answered to those who may not see all of it.
        if len(self.shaping) > MAX_SHAPING and self.denied is None:
            raise CannotCompileError(f"more than {MAX_SHAPING} variables in @skip and @include")

    def incremental_code(self, coerced: Mapping[str, Any], asker: Asker = None) -> IncrementalCode:
        """The generated code of a query with `@defer`; see `code`."""
        if self.incremental_reason is not None:
            raise CannotCompileError(self.incremental_reason)
        return self._parts.lookup(self.shaping, coerced, asker)

    def code(self, coerced: Mapping[str, Any], asker: Asker = None) -> Code:
        """The generated code for these variables.

        Args:
            coerced: The variables.
            asker: For whom: who is charged where it has to be made.

        Errors: CannotCompileError; ClientError(UNCACHED_DOCUMENTS_LIMIT).
        """
        return self._variants.lookup(self.shaping, coerced, asker)

    def bound_plan(self, coerced: Mapping[str, Any]) -> Bound | None:
        """The bound plan for these variables; None where the operation runs on graphql-core, with these at least.

        Errors: ClientError(UNCACHED_DOCUMENTS_LIMIT).
        """
        if self.reason is not None:
            return None
        try:
            return self.code(coerced).bound
        except CannotCompileError:
            return None

    def make_variant(self, coerced: Mapping[str, Any], client_key: str) -> None:
        """Make the code for these variables, where there is none yet.

        Errors: ClientError(UNCACHED_DOCUMENTS_LIMIT).
        """
        if not self.shaping or self.executor != "compiled":
            return
        with suppress(CannotCompileError):  # found again where it is run
            if self.reason is None:
                self.code(coerced, client_key)
            else:
                self.incremental_code(coerced, client_key)

    def all_codes(self) -> list[Code]:
        """What was made so far."""
        codes = self._variants.all()
        for made in self._parts.all():
            codes += [made.initial, *(part.code for part in made.deferred)]
        return codes

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, variants included, estimated."""
        codes = self._codes_of_all()
        size = size_of_operation(self.source.document, len(self.coercers.names), codes)
        return size + (self.costs.size_bytes if self.costs is not None else 0)

    def _codes_of_all(self) -> list[Code]:
        """What was made so far, for some clients included."""
        codes = self.all_codes()
        for made in self._of_clients.all():
            codes += made._codes_of_all()
        return codes

    @cached_property
    def root_fields(self) -> tuple[str, ...]:
        """The names of the operation's root fields, in order, each once."""
        return self.source.root_fields()

    def charging_introspection(self, asker: Asker) -> AbstractContextManager[None]:
        """Admit and charge the client for introspection that graphql-core answers: it does the work each time."""
        if INTROSPECTION.isdisjoint(self.root_fields):
            return nullcontext()
        return self._growing(client_key(asker))

    def show(self) -> str:
        """The tree of the plan that was made last, without arguments; why there is none."""
        codes = self._variants.all()
        if not codes:
            return self.reason or "not compiled yet"
        return print_plan(codes[-1].bound.plan, hides_arguments=True)

    def plan(self, coerced: Mapping[str, Any] | None = None) -> Plan:
        """The plan for these variables. Errors: CannotCompileError."""
        return self.code(coerced or {}).bound.plan
