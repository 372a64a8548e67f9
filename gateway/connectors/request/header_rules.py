"""The ordered rules of `[headers]`: from the client's headers to those of a backend's request.

Headers of the connection and of the body are never copied, whatever a rule matches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.auth.principal import ANONYMOUS, Principal
from gateway.connectors.header_rule_settings import HeaderRule, PropagateHeader, matches
from gateway.connectors.request.url import CannotWriteError
from gateway.settings.headers import NOT_FROM_CLIENT, connection_options, folded
from gateway.upstream.transport import Header

ClientHeaders = Mapping[str, Sequence[str]]


def names_of_principal(rules: Sequence[HeaderRule]) -> frozenset[str]:
    """The headers that are filled from the principal, folded: what a client sends under such a name is dropped."""
    inserted = (rule.insert for rule in rules if rule.insert is not None)
    return frozenset(folded(one.name) for one in inserted if one.member is not None)


def apply_rules(
    rules: Sequence[HeaderRule],
    client: ClientHeaders,
    principal: Principal = ANONYMOUS,
    reserved: frozenset[str] = frozenset(),
    withheld: frozenset[str] = frozenset(),
) -> list[Header]:
    """What the rules give for one request.

    Args:
        rules: In order.
        client: The client's headers by lower-case name.
        principal: Who it is.
        reserved: `names_of_principal` of the rules.
        withheld: Headers of credentials, folded: they are copied by their names, and by no pattern.

    Errors: CannotWriteError.
    """
    found: list[Header] = []
    for rule in rules:
        if rule.propagate is not None:
            for header in _propagated(rule.propagate, client, withheld):
                # A header that two rules copy is sent once.
                if header not in found and folded(header[0]) not in reserved:
                    found.append(header)
        elif rule.insert is not None:
            name, member = rule.insert.name.lower(), rule.insert.member
            # Also where there is nothing to say: what the client has sent under this name is nobody's word.
            found = [header for header in found if header[0] != name]
            value = rule.insert.value if member is None else _text_of(principal, member, name)
            found.append((name, value or ""))
        elif rule.remove is not None:
            found = [header for header in found if not rule.remove.fits(header[0])]
    return found


def _text_of(principal: Principal, member: str, name: str) -> str:
    """A member's text as a header has it: its UTF-8, so that no two values are one to whoever reads it.

    Errors: CannotWriteError for what a reader would trim: it would be somebody else's.
    """
    value = principal.text_of(member)
    if value != value.strip(" \t"):
        raise CannotWriteError(f"the header {name} would hold white space at an end, which is lost")
    return value if value.isascii() else value.encode().decode("latin-1")


def _propagated(
    rule: PropagateHeader, client: ClientHeaders, withheld: frozenset[str]
) -> list[Header]:
    if rule.named is not None:
        default = () if rule.default is None else (rule.default,)
        values = client.get(rule.named.lower()) or default
        name = (rule.rename or rule.named).lower()
        return [(name, value) for value in values]
    hop = connection_options(client.get("connection", ()))
    return [
        (name, value)
        for name, values in client.items()
        if name not in hop
        and matches(None, rule.matching, name)
        and folded(name) not in NOT_FROM_CLIENT
        and folded(name) not in withheld
        for value in values
    ]
