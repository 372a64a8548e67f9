"""The ordered rules of `[headers]`: from the client's headers to those of a backend's request.

Headers of the connection and of the body are never copied, whatever a rule matches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.auth.principal import ANONYMOUS, Principal
from gateway.connectors.settings import HeaderRule, PropagateHeader, matches
from gateway.settings.headers import NOT_FROM_CLIENT
from gateway.upstream.transport import Header

ClientHeaders = Mapping[str, Sequence[str]]


def apply_rules(
    rules: Sequence[HeaderRule], client: ClientHeaders, principal: Principal = ANONYMOUS
) -> list[Header]:
    """What the rules give for one request.

    Args:
        rules: In order.
        client: The client's headers by lower-case name.
        principal: Who it is.
    """
    found: list[Header] = []
    for rule in rules:
        if rule.propagate is not None:
            for header in _propagated(rule.propagate, client):
                # A header that two rules copy is sent once.
                if header not in found:
                    found.append(header)
        elif rule.insert is not None:
            name, member = rule.insert.name.lower(), rule.insert.member
            # Also where there is nothing to say: what the client has sent under this name is nobody's word.
            found = [header for header in found if header[0] != name]
            value = rule.insert.value if member is None else principal.text_of(member)
            found.append((name, value or ""))
        elif rule.remove is not None:
            found = [header for header in found if not rule.remove.fits(header[0])]
    return found


def _propagated(rule: PropagateHeader, client: ClientHeaders) -> list[Header]:
    if rule.named is not None:
        default = () if rule.default is None else (rule.default,)
        values = client.get(rule.named.lower()) or default
        name = (rule.rename or rule.named).lower()
        return [(name, value) for value in values]
    return [
        (name, value)
        for name, values in client.items()
        if name not in NOT_FROM_CLIENT and matches(None, rule.matching, name)
        for value in values
    ]
