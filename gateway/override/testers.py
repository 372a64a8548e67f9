"""`x-gateway-override: LABEL=on, LABEL=off`: what a request decides for itself, where its client may.

Whoever may not gets what everybody gets, and no error: the header tells nobody that a label exists.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from gateway.client.request import ClientRequest
from gateway.errors import ClientError, ConfigError
from gateway.override.settings import OverrideSettings

HEADER = "x-gateway-override"
SECRET_HEADER = "x-gateway-override-secret"  # noqa: S105 - the header's name
STATES = {"on": True, "off": False}
LEAST_SECRET = 16
MOST_ASKED = 64


class Testers:
    """Who may decide labels for a request of its own.

    Args:
        settings: As configured.
        known: Every label of the schema.
        env: Holds the secret.

    Attributes:
        is_open: Whether anybody may.

    Errors: ConfigError when a secret is asked for and there is none.
    """

    def __init__(
        self, settings: OverrideSettings, known: frozenset[str], env: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._known = known
        self.is_open = settings.header != "never"
        self._secret = env.get(settings.header_secret_env, "").encode()
        if settings.header == "secret" and len(self._secret) < LEAST_SECRET:
            raise ConfigError(
                f"{settings.header_secret_env} holds no secret of {LEAST_SECRET} characters or more",
                key="override.header",
                hint=f"set the environment variable {settings.header_secret_env}",
            )

    def asked(self, client: ClientRequest) -> Mapping[str, bool] | None:
        """What a request decides; None where it says nothing, or nothing that it may.

        Errors: ClientError(BAD_REQUEST) for what cannot be read, and for a label that is none.
        """
        text = client.headers.get(HEADER)
        if text is None or not self._may(client):
            return None
        found: dict[str, bool] = {}
        parts = text.split(",", MOST_ASKED)
        if len(parts) > MOST_ASKED:
            raise ClientError(f"{HEADER}: more than {MOST_ASKED} labels.", code="BAD_REQUEST")
        for part in parts:
            label, _, state = part.strip().rpartition("=")
            if state not in STATES or label not in self._known:
                raise ClientError(
                    f"{HEADER}: `{part.strip()}` is no `LABEL=on` or `LABEL=off` of a label of the schema.",
                    code="BAD_REQUEST",
                )
            found[label] = STATES[state]
        return found

    def _may(self, client: ClientRequest) -> bool:
        if self._settings.header == "scope":
            return self._settings.header_scope in client.principal.scopes
        given = client.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogatepass")
        return hmac.compare_digest(given, self._secret)
