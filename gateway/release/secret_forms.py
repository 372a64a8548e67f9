"""What a secret looks like: the names that it stands under, and the forms that it has. Pure; gives no value back."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

_WORDS = (
    r"secret|token|passw|passphrase|passwd|pwd|credential|authorization|cookie|bearer|jwt|"
    r"(private|api|access|signing|encryption|master|shared|subscription|functions?|account|storage|license|"
    r"service|session|hmac|ssh|rsa|aes|auth|secret|deploy|app)[_-]?key"
)
NAME = re.compile(rf"(?i)({_WORDS}|(^|[_-])(auth|dsn|otp|salt)([_-]|$)|(^|[_-]|db)(pass|pw)$)")
# Keys that sound like secrets and name something else: a variable, a header, a number of seconds, a file.
INNOCENT = re.compile(
    r"(?i)[_-](env|headers?|names?|url|file|path|s|ttl|claims?|bytes|expiration)$"
)
# Forms that are secrets whatever they are called. A URL's own user name and password are looked at apart.
FORMS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    re.compile(r"(?i)\b(bearer|basic)\s+(?!\$)[A-Za-z0-9+/._~=-]{8,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\."),  # a JWT
    re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\b(ghp|gho|ghs|ghu|github_pat|glpat|xox[abprs]|sk_live|rk_live|hvs|npm|dop_v1)[_.-][A-Za-z0-9_-]{16,}"),
    re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"),
    # An API key of the gateway's own: `gateway.auth.api_keys` makes them.
    re.compile(r"\b[A-Za-z][A-Za-z0-9]*_[A-Za-z0-9]+_[A-Za-z0-9]{10}_[A-Za-z0-9]{26}_[0-9a-f]{8}\b"),
    re.compile(r"\bAGE-SECRET-KEY-1[A-Z0-9]{40,}"),
    # A private key in base64: `-----BEGIN ` with `PRIVATE`, `RSA `, `EC `, `ENCRYPTED` or `OPENSSH`.
    re.compile(r"LS0tLS1CRUdJTi(BQUklWQVRF|BSU0Eg|BFQyBQ|BFTkNSWVBU|BPUEVOU1NI)"),
)  # fmt: skip
# `name=value` within a text: a query of a URL, a connection string.
_ASSIGNED = re.compile(r"""([A-Za-z][\w.-]*)\s*=\s*["']?(?![${%(<\s"'])([^\s&;,"']{4,})""")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")
# `${NAME}` and what may stand around it: a scheme of authorization, punctuation.
_REFERENCE = re.compile(r"^(?i:bearer|basic|token)?\s*\$\{[A-Za-z_][A-Za-z0-9_]*\}$")
# What is long and random and no secret: digests, certificates and public keys.
_PUBLIC = re.compile(
    r"-----BEGIN (?!.*PRIVATE)[A-Z ]+-----.*?-----END [A-Z ]+-----|\bsha\d+[:-][A-Za-z0-9+/=]+",
    re.DOTALL,
)
_LONG = re.compile(r"[A-Za-z0-9+/_=-]{32,}")
# Bits a character: 32 random characters of base64 have 4.4 and more, 40 of English and camel case less than 4.2.
_RANDOM_BITS = 4.3


def names_secret(name: str) -> bool:
    """Whether a name says that a secret stands under it; `dbPassword` and `x-api-key` do, `token_header` does not."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return bool(NAME.search(words)) and not INNOCENT.search(words)


def is_reference(value: str) -> bool:
    """Whether a text is empty, or names a variable whose value stands elsewhere."""
    return not value.strip() or bool(_REFERENCE.match(value.strip()))


def is_harmless(value: str) -> bool:
    """A reference, nothing, or a number or truth value: a limit of tokens is no token."""
    text = value.strip()
    return bool(not text or _REFERENCE.match(text) or re.fullmatch(r"(?i)true|false|[0-9.]+", text))


def looks_secret(text: str) -> bool:
    """Whether a text holds something that has a secret's form, or gives a name of secrets a value."""
    return has_secret_form(text) or any(
        names_one(found[1]) and not is_harmless(found[2]) for found in _ASSIGNED.finditer(text)
    )


def names_one(name: str) -> bool:
    """As `names_secret`, where short names are none of anything else."""
    return names_secret(name) or name.lower() in ("sig", "signature", "pass", "key")


def has_secret_form(text: str) -> bool:
    """Whether a text holds something that is a secret whatever stands beside it."""
    return any(form.search(text) for form in FORMS) or any(
        _has_password(found[0]) for found in _URL.finditer(text)
    )


def looks_random(text: str) -> bool:
    """Whether a text holds what a machine has made: long, of capitals, small letters and digits, without order.

    Hexadecimal digits are left alone: commits and digests are written in them.
    """
    return any(_is_random(found[0]) for found in _LONG.finditer(_PUBLIC.sub("", text)))


def _is_random(text: str) -> bool:
    kinds = (str.isupper, str.islower, str.isdigit)
    if not all(any(map(kind, text)) for kind in kinds):
        return False
    return (
        sum(-n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
        >= _RANDOM_BITS
    )


def _has_password(url: str) -> bool:
    try:
        password = urlsplit(url).password
    except ValueError:
        return False
    return bool(password) and not _REFERENCE.match(password or "")


def is_named_secret(at: Sequence[str]) -> bool:
    """Whether a part of a path names a secret."""
    return any(map(names_secret, at))


def secrets_within(
    value: Any, at: Sequence[str] = (), is_named: Callable[[Sequence[str]], bool] = is_named_secret
) -> list[str]:
    """Paths of the texts in a tree that stand under a secret's name: as a key, or beside one, `{name: …, value: …}`."""
    found: list[str] = []
    if isinstance(value, str):
        if is_named(at) and not is_harmless(value):
            found.append(".".join(at))
        elif value.lstrip()[:1] in ("{", "["):
            found += secrets_within(_json(value), at, is_named)
    elif isinstance(value, dict):
        named = [
            str(value[key])
            for key in ("name", "named", "header", "key")
            if isinstance(value.get(key), str)
        ]
        for key, item in value.items():
            beside = key in ("value", "default") and any(map(names_secret, named))
            if beside and isinstance(item, str) and not is_harmless(item):
                found.append(".".join((*at, str(key))))
            else:
                found += secrets_within(item, (*at, str(key)), is_named)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            found += secrets_within(item, (*at, str(number)), is_named)
    return found


def _json(text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None
