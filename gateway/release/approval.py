"""Who may go on: the exact name typed by a person, or a token that a pipeline's approval step made.

A token names one plan, ends soon and is used once; it is checked with a key that only the pipeline's approval and
deploy steps hold. Nothing here reads a terminal or a file.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable

from gateway.release.model import ReleaseError

TOKEN_LIFE_S = 3600
KEY_MIN_LENGTH = 32
_DIGEST = re.compile(r"[0-9a-f]{32}")
# A token as `make_token` writes it, and in no second form: the audit log knows a used one by its text.
_TOKEN = re.compile(
    r"(?P<ends>[1-9][0-9]{0,14})\.(?P<nonce>[0-9a-f]{16})\.(?P<signature>[0-9a-f]{64})"
)


def make_token(key: str, environment: str, digest: str, now: float) -> str:
    """An approval of one plan, good for an hour. Errors: ReleaseError for a short key, or what is no plan's digest."""
    if len(key) < KEY_MIN_LENGTH:
        raise ReleaseError(
            f"GATEWAY_RELEASE_APPROVAL_KEY has fewer than {KEY_MIN_LENGTH} characters"
        )
    if not _DIGEST.fullmatch(digest):
        raise ReleaseError(
            f"{digest!r} is not the digest of a plan: `gateway release plan` prints it"
        )
    ends, nonce = int(now) + TOKEN_LIFE_S, secrets.token_hex(8)
    return f"{ends}.{nonce}.{_sign(key, environment, digest, ends, nonce)}"


def check_token(token: str, key: str, environment: str, digest: str, now: float) -> None:
    """Errors: ReleaseError saying why a token is not for this plan."""
    if len(key) < KEY_MIN_LENGTH:
        raise ReleaseError(
            f"GATEWAY_RELEASE_APPROVAL_KEY has fewer than {KEY_MIN_LENGTH} characters"
        )
    found = _TOKEN.fullmatch(token.strip())
    if found is None:
        raise ReleaseError("the approval token is malformed")
    ends = int(found["ends"])
    signature = _sign(key, environment, digest, ends, found["nonce"])
    if not hmac.compare_digest(found["signature"], signature):
        raise ReleaseError(
            f"the approval token is for another plan than {digest}: what was approved has changed; approve it again"
        )
    if now > ends:
        raise ReleaseError("the approval token has expired; approve again")


def name_of(token: str) -> str:
    """What the audit log calls a token: it is used once, and the log is read by many."""
    return hashlib.sha256(token.strip().encode()).hexdigest()[:16]


def _sign(key: str, environment: str, digest: str, ends: int, nonce: str) -> str:
    message = f"{environment}|{digest}|{ends}|{nonce}".encode()
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def confirm_typed(environment: str, ask: Callable[[str], str]) -> None:
    """Errors: ReleaseError unless exactly the environment's name is typed."""
    typed = ask(f"Type the environment's name ({environment}) to go on: ")
    if typed != environment:
        raise ReleaseError(f"{typed!r} is not {environment!r}: nothing was done")
