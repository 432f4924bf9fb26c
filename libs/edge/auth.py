"""Who asks: a JSON Web Token becomes a principal, or nothing does (RFC 8725)."""

import re
from collections import OrderedDict
from typing import Any, NamedTuple

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from libs.edge.keys import KeyStore
from libs.edge.problems import HttpProblem
from libs.edge.values import NAME_PATTERN, SUBJECT_PATTERN
from libs.runtime.clock import now_us

ADMIN, OPERATOR, OWNER, APPROVER, VIEWER, PRODUCER, REPORTER = "admin", "operator", "owner", "approver", "viewer", "producer", "reporter"
ROLES = frozenset({ADMIN, OPERATOR, OWNER, APPROVER, VIEWER, PRODUCER, REPORTER})
LEEWAY_S = 30
MAX_TOKEN_BYTES = 8_192
_HEADER_NAMES = frozenset({"alg", "kid", "typ"})
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SUBJECT = re.compile(SUBJECT_PATTERN)
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_REMEMBERED = 4_096
_ROLE = re.compile(NAME_PATTERN)
MOST_ROLES = 32
"""Roles of a token that are looked at: what a command carries to the log is bounded (D6)."""


class Principal(NamedTuple):
    """Who asks. `subject` is an opaque id (D11); `token` tells streams of one token from those of another."""

    tenant: str
    subject: str
    roles: frozenset[str]
    """Those that open something in this API."""
    claimed: tuple[str, ...]
    """Every role that the token names, in order: gates may ask for others than this API knows."""
    second_factor: str
    """Claim that proves a second factor, e.g. amr=otp; empty when none does."""
    expires_at: float
    token: str


class SecondFactors(NamedTuple):
    """Values of the claims `amr` (RFC 8176) and `acr` that prove a second factor."""

    methods: frozenset[str] = frozenset({"mfa", "otp", "hwk", "swk", "sc"})
    contexts: frozenset[str] = frozenset()

    def proof(self, claims: dict[str, Any]) -> str:
        """The claim that proves it, as name=value; empty when none does."""
        methods = claims.get("amr")
        for method in methods if isinstance(methods, list) else ():
            if isinstance(method, str) and method in self.methods:
                return f"amr={method}"
        context = claims.get("acr")
        return f"acr={context}" if isinstance(context, str) and context in self.contexts else ""


class Rejected(Exception):
    """The token is not accepted; the message says why without quoting it."""


class Authenticator:
    """Checks tokens against issuer, audience and keys."""

    def __init__(self, keys: KeyStore, issuer: str, audience: str, factors: SecondFactors) -> None:
        self._keys, self._issuer, self._audience, self._factors = keys, issuer, audience, factors
        self._seen: OrderedDict[tuple[int, str], Principal] = OrderedDict()

    async def principal(self, authorization: str | None) -> Principal:
        """Who sends this Authorization header. Raises HttpProblem 401."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise HttpProblem("unauthenticated", headers={"WWW-Authenticate": "Bearer"})
        try:
            return await self._checked(token.strip())
        except Rejected as error:
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise HttpProblem("invalid_token", f"The token is not accepted: {error}.", headers=headers) from error

    async def _checked(self, token: str) -> Principal:
        if len(token) > MAX_TOKEN_BYTES or not _COMPACT.fullmatch(token):
            raise Rejected("it is no compact JSON Web Signature of at most 8 KiB")
        header = _header(token)
        verifier = await self._keys.find(header["kid"])
        place = (self._keys.generation, token)
        seen = self._seen.get(place)
        if seen is None:
            if verifier is None or header["alg"] not in verifier.algorithms:
                raise Rejected("it is signed by an unknown key or with an algorithm that the key is not for")
            seen = self._verified(token, verifier.key, header["alg"])
            self._remember(place, seen)
        if seen.expires_at + LEEWAY_S <= now_us() / 1_000_000:
            raise Rejected("it has expired")
        return seen

    def _remember(self, place: tuple[int, str], principal: Principal) -> None:
        self._seen[place] = principal
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def _verified(self, token: str, key: Any, algorithm: str) -> Principal:
        try:
            claims = _object(jws.deserialize_compact(token, key, algorithms=[algorithm]).payload)
            registry = JWTClaimsRegistry(
                leeway=LEEWAY_S,
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": self._audience},
                exp={"essential": True},
                sub={"essential": True},
            )
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise Rejected("its signature or its claims iss, aud, exp, nbf or sub do not hold") from error
        return principal_of(claims, token[-43:], self._factors)


def _header(token: str) -> dict[str, str]:
    """The protected header: only alg, kid and typ are known, so crit, jku, jwk, x5u, zip, b64 and the like are refused."""
    try:
        header = _object(urlsafe_b64decode(token.partition(".")[0].encode()))
    except ValueError as error:
        raise Rejected("its header is not valid") from error
    if not {"alg", "kid"} <= header.keys() <= _HEADER_NAMES or not all(isinstance(value, str) for value in header.values()):
        raise Rejected("its header must hold alg, kid and typ and nothing else")
    if header.get("typ", "").lower() not in _TYPES:
        raise Rejected("its typ is neither JWT nor at+jwt")
    return header


def _object(text: bytes) -> dict[str, Any]:
    """A JSON object without repeated names. Raises ValueError."""
    import json

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError("a name is repeated")
        return dict(pairs)

    orjson.loads(text)  # refuses NaN and invalid UTF-8, which json would take
    found = json.loads(text, object_pairs_hook=unique)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def principal_of(claims: dict[str, Any], token: str, factors: SecondFactors) -> Principal:
    """The principal that verified claims describe. Raises Rejected."""
    tenant, subject, roles = claims.get("tenant"), claims.get("sub"), claims.get("roles")
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise Rejected("its tenant claim is missing or no tenant name")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise Rejected("its sub must be an opaque id of letters, digits and . _ : | -, never a name or an address")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise Rejected("its roles claim is missing or no list")
    claimed = tuple(sorted({role for role in roles if _ROLE.fullmatch(role)}))[:MOST_ROLES]
    return Principal(tenant, subject, frozenset(roles) & ROLES, claimed, factors.proof(claims), float(claims["exp"]), token)
