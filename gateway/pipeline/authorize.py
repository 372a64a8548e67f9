"""Authorization, between plan and execution: fields that the client may not see are taken out of the operation.

The decisions about the principal choose a variant of the plan. So nothing is fetched for a field that is denied, and
two clients share an execution only where the decisions about them are the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from graphql import GraphQLError

from gateway.auth.decisions import NO_GIVEN, NO_POLICIES, Guard, Need, Policies
from gateway.auth.principal import Principal
from gateway.auth.settings import DirectiveSettings
from gateway.concurrency.awaitable import AwaitableOrValue, then, value_of
from gateway.context import Context
from gateway.errors import RequestError
from gateway.execute.denials import Denials, denials_of, tell_denials, told_errors
from gateway.pipeline.operation import Operation
from gateway.runtime.denied import CODE, MESSAGE

DecidePolicies = Callable[[Context, Sequence[str]], Awaitable[Policies]]


class Authorization:
    """What `@authenticated`, `@requiresScopes` and `@policy` mean for operations.

    Args:
        settings: As configured.
        policies: Decides policies, once for each operation; None where nothing does: then all are denied.
        is_for_known: Whether clients without a token or key get no answer.
    """

    def __init__(
        self,
        settings: DirectiveSettings,
        policies: DecidePolicies | None = None,
        *,
        is_for_known: bool = False,
    ) -> None:
        self._settings = settings
        self.is_for_known = is_for_known
        self._policies = policies

    def choose(self, operation: Operation, context: Context | None) -> AwaitableOrValue[Operation]:
        """Choose the variant of the plan for the operation's client. Policies are decided with a context.

        Errors: ClientError(UNCACHED_DOCUMENTS_LIMIT); those of the policies.
        """
        guard = operation.prepared.guard
        if guard is None:
            return operation
        if guard.policies and self._policies is not None:
            assert context is not None
            return then(self._policies(context, guard.policies), partial(self._filter, operation))
        return self._filter(operation, NO_POLICIES)

    def _filter(self, operation: Operation, policies: Policies) -> Operation:
        guard = operation.prepared.guard
        assert guard is not None
        client = operation.client
        given = NO_GIVEN
        if guard.is_of_variables:
            given = operation.prepared.given_needs(operation.params.variables or {})
        decisions = guard.decide(client.principal, policies, given)
        operation.unfiltered = operation.prepared
        operation.prepared = operation.prepared.filtered(decisions, client.client_key)
        return operation

    async def denies(self, rules: Need, principal: Principal, context: Context) -> bool:
        """Whether a client does not meet all of some rules, and that is more than noted.

        Errors: those of the policies.
        """
        guard, policies = Guard(rules), NO_POLICIES
        if self._settings.dry_run:
            return False
        if guard.policies and self._policies is not None:
            policies = await self._policies(context, guard.policies)
        return not all(guard.decide(principal, policies))

    def check(self, operation: Operation) -> None:
        """Note what is denied with the operation's variables, where the plan leaves out anything.

        Errors: RequestError(UNAUTHORIZED_FIELD_OR_TYPE) where nothing is left, or none of it is to be answered.
        """
        settings = self._settings
        denials = denials_of(operation.prepared, operation.variables)
        if not denials.places:  # `@skip` has left it out
            return
        operation.record.denied = denials.coordinates
        operation.record.fields = operation.prepared.root_fields
        operation.add_denials = partial(tell_denials, denials=denials, settings=settings)
        if settings.dry_run:
            assert operation.unfiltered is not None
            operation.prepared = operation.unfiltered
        elif denials.is_all or settings.unauthorized == "reject":
            raise RequestError(self._errors(denials), CODE)

    def _errors(self, denials: Denials) -> list[GraphQLError]:
        """The errors of an operation of which nothing is answered."""
        errors = told_errors(denials)
        return errors if self._settings.errors == "errors" else [GraphQLError(MESSAGE)]


def policies_of(functions: Sequence[Callable[..., Any]]) -> DecidePolicies | None:
    """What decides policies, several functions together; None for none."""
    if not functions:
        return None

    async def decide(context: Context, policies: Sequence[str]) -> Policies:
        decided: dict[str, bool | None] = {}
        for function in functions:
            decided.update(await value_of(function(context, list(policies))) or {})
        return decided

    return decide
