"""What may be set about authentication and authorization. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from gateway.settings.kinds import (
    Bytes,
    CookieName,
    Count,
    FileBeside,
    HeaderName,
    HeaderValue,
    Seconds,
    SecondsOrZero,
    TextForm,
    Url,
    Word,
    WordOrEmpty,
)

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "Ed25519", "EdDSA", "HS256", "HS384", "HS512",
]  # fmt: skip
ASYMMETRIC: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256", "Ed25519")
# RFC 9864: what used to be called EdDSA is Ed25519 by a key of that curve; issuers write either name.
EDWARDS = frozenset(("EdDSA", "Ed25519"))
KeyPrefix = Annotated[
    str, TextForm(r"[a-z][a-z0-9]{0,15}", "a short word of small letters and digits")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSettings:
    """What happens when a token names a key that is not in the key set.

    Attributes:
        enabled: Fetch the key set again when a token names a key that is not in it.
        burst: Such fetches within `interval_s`, at most half of them for one client address; beyond them the token
            is refused without a fetch.
        interval_s: Seconds that `burst` is counted over.
        max_wait_s: How long a request waits for such a fetch.
    """

    enabled: bool = True
    burst: Count = 5
    interval_s: Seconds = 30.0
    max_wait_s: Seconds = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JwksSettings:
    """One of `[[authentication.jwt.jwks]]`: the keys of an issuer, and which of its tokens are taken.

    Attributes:
        url: Where its key set is; exactly one of `url`, `file` and `secret` is given.
        file: A key set in a file, relative to the configuration file; it is read again when it changes.
        secret: What it signs with, where it uses HMAC; at least 32 bytes. `${NAME}` reads it from the environment.
        issuers: Values of `iss` that are taken. Empty: any, so that every issuer with such a key is believed.
        audiences: Values of `aud`, one of which has to be there. Empty: any, so that a token that was meant for
            another service is taken.
        algorithms: Those that are taken; what a token says of its own changes nothing. By default RS256, PS256, ES256
            and Ed25519, and with a `secret` HS256. Ed25519 is also taken by its former name, EdDSA; only `EdDSA`
            takes Ed448 too.
        poll_interval_s: How often the key set is fetched again, a tenth more or less.
        timeout_s: Of one fetch.
        max_age_s: How long the last good key set is used while its place does not answer. Then its tokens
            are answered with 503.
        headers: Sent along to `url`.
        refresh_unknown_kid: What a token does whose key is not known.
    """

    url: Url | None = None
    file: FileBeside | None = None
    secret: str | None = field(default=None, repr=False)
    issuers: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    algorithms: tuple[Algorithm, ...] = ()
    poll_interval_s: Seconds = 60.0
    timeout_s: Seconds = 5.0
    max_age_s: Seconds = 86_400.0
    headers: dict[HeaderName, HeaderValue] = field(default_factory=dict, repr=False)
    refresh_unknown_kid: RefreshSettings = field(default_factory=RefreshSettings)

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if sum(place is not None for place in (self.url, self.file, self.secret)) != 1:
            raise ValueError("exactly one of `url`, `file` and `secret` is needed")
        for name in ("issuers", "audiences"):
            for value in getattr(self, name):
                if value.strip() != value or value in ("", "*"):
                    raise ValueError(
                        f"{name}: {value!r} is compared letter by letter and is no claim; leave `{name}` out for any"
                    )
        if self.secret is not None and len(self.secret.encode()) < 32:
            raise ValueError("a secret has at least 32 bytes")
        is_hmac = [name.startswith("HS") for name in self.algorithms]
        if any(is_hmac) if self.secret is None else not all(is_hmac):
            raise ValueError("HS256, HS384 and HS512 go with a `secret`, and nothing else does")

    @property
    def taken(self) -> tuple[str, ...]:
        """The algorithms that are taken, by each of their names."""
        chosen = self.algorithms or (ASYMMETRIC if self.secret is None else ("HS256",))
        has_edwards = not EDWARDS.isdisjoint(chosen)
        return tuple(dict.fromkeys((*chosen, *(sorted(EDWARDS) if has_edwards else ()))))

    @property
    def place(self) -> str:
        """Where the keys are, for people."""
        return self.url or self.file or "authentication.jwt.jwks.secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtSettings:
    """`[authentication.jwt]`: JSON Web Tokens.

    Attributes:
        jwks: The issuers' keys; without any, tokens are not looked at.
        header_name: The header that a token stands in.
        header_value_prefix: What stands before it.
        cookie: A cookie that holds a token, where the header has none; none by default.
        ignore_other_prefixes: Take a header with another prefix (`Basic …`) for no token; else it is refused.
        scope_claims: Where the scopes are: a text with spaces, or a list. The first claim that is there counts.
        leeway_s: By how much clocks may differ.
        require_expiry: Refuse tokens without `exp`.
        on_error: `error` answers a bad token with 401; `continue` treats its sender as anonymous, which lets it in
            wherever nothing else requires authentication.
        max_token_bytes: A longer token is refused unread.
        cache_entries: Verified tokens that are remembered, of each worker.
        wait_for_keys: The server is not ready before every key set was fetched once.
    """

    jwks: tuple[JwksSettings, ...] = ()
    header_name: HeaderName = "authorization"
    header_value_prefix: WordOrEmpty = "Bearer"
    cookie: CookieName | None = None
    ignore_other_prefixes: bool = False
    scope_claims: tuple[Word, ...] = ("scope", "scp")
    leeway_s: SecondsOrZero = 60.0
    require_expiry: bool = True
    on_error: Literal["error", "continue"] = "error"
    max_token_bytes: Bytes = 16_384
    cache_entries: Count = 10_000
    wait_for_keys: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeySettings:
    """`[authentication.api_keys]`: keys of partners, as `gateway keys` makes them.

    Without a `file`, and unless `kind` is `redis`, keys are not looked at. What keeps them is read again within half a
    second of a change, by each worker.

    Attributes:
        kind: `file` keeps them in `file`; `redis` in the server of `[redis]`, for all workers of all machines. While
            Redis does not answer, the last known keys are used.
        file: Where they are kept, relative to the configuration file.
        wait_for_keys: The server is not ready before Redis has given the keys once, so not before the first was made.
            Until then, those who show a key are answered with 503.
        header_name: The header that a key stands in.
        prefix: What keys begin with.
        environment: What follows; keys of another environment are refused without a look.
    """

    kind: Literal["file", "redis"] = "file"
    file: FileBeside | None = None
    wait_for_keys: bool = False
    header_name: HeaderName = "x-api-key"
    prefix: KeyPrefix = "gw"
    environment: KeyPrefix = "live"

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if self.kind == "redis" and self.file is not None:
            raise ValueError(
                "keys are in a `file` or in Redis: `kind` says redis, and there is a `file`"
            )

    @property
    def is_used(self) -> bool:
        """Whether keys are looked at."""
        return self.kind == "redis" or self.file is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationSettings:
    """`[authentication]`: how clients prove who they are.

    Attributes:
        jwt: JSON Web Tokens.
        api_keys: Keys of partners.
    """

    jwt: JwtSettings = field(default_factory=JwtSettings)
    api_keys: ApiKeySettings = field(default_factory=ApiKeySettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveSettings:
    """`[authorization.directives]`: `@authenticated`, `@requiresScopes` and `@policy` in the schema.

    Attributes:
        enabled: Whether they decide anything.
        unauthorized: `filter` answers what is left of an operation; `reject` answers none of it.
        dry_run: Nothing is taken away; what would have been is said in the audit log, and where `errors` says.
        errors: Where a client is told what was taken away: `errors`, `extensions`
            (`extensions.authorizationErrors`), or `disabled` for nowhere.
    """

    enabled: bool = True
    unauthorized: Literal["filter", "reject"] = "filter"
    dry_run: bool = False
    errors: Literal["errors", "extensions", "disabled"] = "errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """`[clients.NAME]`: an application, by the name that its API key has, or its token in `azp` or `client_id`.

    The name that a client sends of itself in a header is not looked at: anybody can send it.

    Attributes:
        view: The part of the schema that it sees, as `[views.NAME]` says; a key's own view goes before it.
        quota: The policy that it is under, of `[quotas.policies]`; what its key names goes before it.
    """

    view: str | None = None
    quota: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultViewSettings:
    """`[authorization.default_views]`: the views of those of whom neither a key nor `[clients]` says one.

    Without a name, they see the whole schema.

    Attributes:
        anonymous: Of those who show neither a token nor a key.
        user: Of those with a token.
        client: Of those with an API key alone.
    """

    anonymous: str | None = None
    user: str | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationSettings:
    """`[authorization]`: what may be asked.

    Attributes:
        require_authentication: Answer 401 to whoever does not show who it is.
        default_views: The part of the schema that clients see of which nothing else is said.
        directives: Those in the schema.
    """

    require_authentication: bool = False
    default_views: DefaultViewSettings = field(default_factory=DefaultViewSettings)
    directives: DirectiveSettings = field(default_factory=DirectiveSettings)
