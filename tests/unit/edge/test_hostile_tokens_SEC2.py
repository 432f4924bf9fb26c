"""No token but one signed by a trusted key with its own algorithm, for this audience, in time, is accepted (SEC2, RFC 8725)."""

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc import jwk, jws

from libs.edge.auth import LEEWAY_S, Authenticator, SecondFactors
from libs.edge.issuer import LocalIssuer, jwks_path
from libs.edge.keys import KeyStore
from libs.edge.problems import HttpProblem
from libs.runtime.clock import now_us


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Forge:
    """Makes tokens with the real key and with others."""

    def __init__(self, data_dir: Path) -> None:
        self.issuer = LocalIssuer(data_dir)
        self.private = jwk.OKPKey.import_key(orjson.loads((data_dir / "issuer" / "key.json").read_bytes()))
        self.public = orjson.loads(jwks_path(data_dir).read_bytes())["keys"][0]
        self.kid = self.public["kid"]
        self.now = now_us() // 1_000_000

    def claims(self, **changes: Any) -> dict[str, Any]:
        good = {
            "iss": "whimbrel-local", "aud": "whimbrel", "sub": "u-1", "tenant": "acme", "roles": ["admin"],
            "iat": self.now, "nbf": self.now, "exp": self.now + 600,
        }  # fmt: skip
        return {name: value for name, value in (good | changes).items() if value is not ...}

    def sign(self, header: dict[str, Any] | str, claims: dict[str, Any] | bytes, key: Any = None) -> str:
        """A token whose parts are exactly these, signed with the real key unless another is given."""
        head = header.encode() if isinstance(header, str) else json.dumps(header).encode()
        body = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        signing = f"{b64(head)}.{b64(body)}"
        raw = (key or self.private).private_key.sign(signing.encode())
        return f"{signing}.{b64(raw)}"

    def header(self, **changes: Any) -> dict[str, Any]:
        good = {"alg": "Ed25519", "kid": self.kid, "typ": "JWT"}
        return {name: value for name, value in (good | changes).items() if value is not ...}

    def mac(self, algorithm: str, secret: bytes) -> str:
        key = jwk.OctKey.import_key(secret)
        return jws.serialize_compact(self.header(alg=algorithm), json.dumps(self.claims()).encode(), key, algorithms=[algorithm])


def _tampered(forge: Forge) -> str:
    head, _, signature = forge.issuer.issue("acme", "u-1", ["viewer"]).split(".")
    return f"{head}.{b64(json.dumps(forge.claims()).encode())}.{signature}"


def _other_key(forge: Forge) -> Any:
    return jwk.OKPKey.generate_key("Ed25519")


def _rsa(forge: Forge) -> str:
    key = jwk.RSAKey.generate_key(2048)
    return jws.serialize_compact(forge.header(alg="RS256"), json.dumps(forge.claims()).encode(), key, algorithms=["RS256"])


def _ec(forge: Forge) -> str:
    key = jwk.ECKey.generate_key("P-256")
    return jws.serialize_compact(forge.header(alg="ES256"), json.dumps(forge.claims()).encode(), key, algorithms=["ES256"])


HOSTILE: dict[str, Callable[[Forge], str]] = {
    "empty": lambda f: "",
    "garbage": lambda f: "not-a-token",
    "two parts": lambda f: ".".join(f.issuer.issue("acme", "u", ["admin"]).split(".")[:2]),
    "four parts": lambda f: f.issuer.issue("acme", "u", ["admin"]) + ".x",
    "alg none without signature": lambda f: f"{b64(json.dumps(f.header(alg='none')).encode())}.{b64(json.dumps(f.claims()).encode())}.",
    "alg none with signature": lambda f: f.sign(f.header(alg="none"), f.claims()),
    "alg NoNe": lambda f: f.sign(f.header(alg="NoNe"), f.claims()),
    "alg missing": lambda f: f.sign(f.header(alg=...), f.claims()),
    "alg a number": lambda f: f.sign(f.header(alg=1), f.claims()),
    "HS256 with the public key as secret": lambda f: f.mac("HS256", json.dumps(f.public).encode()),
    "HS512 with x as secret": lambda f: f.mac("HS512", f.public["x"].encode() * 2),
    "RS256 under our kid": _rsa,
    "ES256 under our kid": _ec,
    "right alg, other key": lambda f: f.sign(f.header(), f.claims(), _other_key(f)),
    "payload exchanged": _tampered,
    "signature cut": lambda f: f.issuer.issue("acme", "u", ["admin"])[:-4],
    "signature of zeroes": lambda f: f.issuer.issue("acme", "u", ["admin"]).rpartition(".")[0] + "." + b64(bytes(64)),
    "unknown kid": lambda f: f.sign(f.header(kid="other"), f.claims()),
    "kid missing": lambda f: f.sign(f.header(kid=...), f.claims()),
    "kid a path": lambda f: f.sign(f.header(kid="../../etc/passwd"), f.claims()),
    "kid an injection": lambda f: f.sign(f.header(kid="' OR 1=1 --"), f.claims()),
    "kid a list": lambda f: f.sign(f.header(kid=[f.kid]), f.claims()),
    "jwk embedded": lambda f: f.sign(f.header(jwk=f.public), f.claims()),
    "jku": lambda f: f.sign(f.header(jku="https://evil.example/jwks"), f.claims()),
    "x5u": lambda f: f.sign(f.header(x5u="https://evil.example/cert"), f.claims()),
    "x5c": lambda f: f.sign(f.header(x5c=["AAAA"]), f.claims()),
    "unknown crit": lambda f: f.sign(f.header(crit=["exp"], exp=1), f.claims()),
    "empty crit": lambda f: f.sign(f.header(crit=[]), f.claims()),
    "b64 false": lambda f: f.sign(f.header(b64=False, crit=["b64"]), f.claims()),
    "zip": lambda f: f.sign(f.header(zip="DEF"), zlib.compress(json.dumps(f.claims()).encode())[2:-4]),
    "zip bomb": lambda f: f.sign(f.header(zip="DEF"), zlib.compress(b"a" * 10_000_000)[2:-4]),
    "typ missing": lambda f: f.sign(f.header(typ=...), f.claims()),
    "typ of another kind": lambda f: f.sign(f.header(typ="secevent+jwt"), f.claims()),
    "alg twice in the header": lambda f: f.sign(f'{{"alg":"none","alg":"Ed25519","kid":"{f.kid}","typ":"JWT"}}', f.claims()),
    "tenant twice in the claims": lambda f: f.sign(f.header(), json.dumps(f.claims()).replace("{", '{"tenant":"other",', 1).encode()),
    "one megabyte": lambda f: f.sign(f.header(), f.claims(filler="x" * 1_000_000)),
    "expired": lambda f: f.sign(f.header(), f.claims(exp=f.now - LEEWAY_S - 5)),
    "exp missing": lambda f: f.sign(f.header(), f.claims(exp=...)),
    "exp a text": lambda f: f.sign(f.header(), f.claims(exp="never")),
    "exp infinite": lambda f: f.sign(f.header(), json.dumps(f.claims()).replace(str(f.now + 600), "Infinity").encode()),
    "not valid yet": lambda f: f.sign(f.header(), f.claims(nbf=f.now + LEEWAY_S + 60)),
    "issued in the future": lambda f: f.sign(f.header(), f.claims(iat=f.now + LEEWAY_S + 3_600)),
    "other issuer": lambda f: f.sign(f.header(), f.claims(iss="https://evil.example")),
    "issuer missing": lambda f: f.sign(f.header(), f.claims(iss=...)),
    "other audience": lambda f: f.sign(f.header(), f.claims(aud="another-api")),
    "audience missing": lambda f: f.sign(f.header(), f.claims(aud=...)),
    "subject missing": lambda f: f.sign(f.header(), f.claims(sub=...)),
    "subject an address": lambda f: f.sign(f.header(), f.claims(sub="ada@example.org")),
    "tenant missing": lambda f: f.sign(f.header(), f.claims(tenant=...)),
    "tenant with a slash": lambda f: f.sign(f.header(), f.claims(tenant="acme/other")),
    "tenant a list": lambda f: f.sign(f.header(), f.claims(tenant=["acme"])),
    "roles a text": lambda f: f.sign(f.header(), f.claims(roles="admin")),
    "claims a list": lambda f: f.sign(f.header(), b"[1]"),
    "claims not JSON": lambda f: f.sign(f.header(), b"hello"),
}

FACTORS = SecondFactors(contexts=frozenset({"urn:two-factors"}))


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Forge:
    return Forge(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
def authenticator(forge: Forge, tmp_path_factory: pytest.TempPathFactory) -> Authenticator:
    place = tmp_path_factory.mktemp("jwks") / "jwks.json"
    place.write_bytes(orjson.dumps({"keys": [forge.public]}))
    return Authenticator(KeyStore(str(place)), "whimbrel-local", "whimbrel", FACTORS)


def test_there_are_at_least_thirty_of_them_SEC2() -> None:
    assert len(HOSTILE) >= 30


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_token_is_refused_SEC2(name: str, forge: Forge, authenticator: Authenticator) -> None:
    with pytest.raises(HttpProblem) as caught:
        await authenticator.principal(f"Bearer {HOSTILE[name](forge)}")

    assert caught.value.status == 401
    assert caught.value.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_same_forge_makes_a_token_that_is_accepted_SEC2(forge: Forge, authenticator: Authenticator) -> None:
    principal = await authenticator.principal(f"Bearer {forge.sign(forge.header(), forge.claims())}")

    assert (principal.tenant, principal.subject, principal.roles) == ("acme", "u-1", {"admin"})


async def test_the_issuers_own_token_is_accepted_and_carries_its_claims_T5(forge: Forge, authenticator: Authenticator) -> None:
    token = forge.issuer.issue("acme", "u-2", ["operator", "unheard-of"], amr=["mfa"])

    principal = await authenticator.principal(f"Bearer {token}")

    assert (principal.roles, principal.claimed, principal.second_factor) == ({"operator"}, ("operator", "unheard-of"), "amr=mfa")


@pytest.mark.parametrize(
    ("claims", "proof"),
    [
        ({"amr": ["pwd", "otp"]}, "amr=otp"),
        ({"amr": ["hwk"]}, "amr=hwk"),
        ({"acr": "urn:two-factors"}, "acr=urn:two-factors"),
        ({"amr": ["pwd"], "acr": "urn:password"}, ""),
        ({"amr": "mfa"}, ""),
        ({"amr": [["mfa"], 1]}, ""),
        ({"acr": ["urn:two-factors"]}, ""),
        ({}, ""),
    ],
)
async def test_which_claims_prove_a_second_factor_SEC11(forge: Forge, authenticator: Authenticator, claims: Any, proof: str) -> None:
    principal = await authenticator.principal(f"Bearer {forge.issuer.issue('acme', 'u-2', ['operator'], **claims)}")

    assert principal.second_factor == proof


@pytest.mark.parametrize("header", [None, "", "Basic dTpw", "Bearer", "Bearer "])
async def test_a_request_without_a_bearer_token_is_told_so_T5(header: str | None, authenticator: Authenticator) -> None:
    with pytest.raises(HttpProblem) as caught:
        await authenticator.principal(header)

    assert caught.value.code == "unauthenticated"


async def test_a_key_taken_out_of_the_jwks_is_trusted_no_more_SEC2(forge: Forge, tmp_path: Path) -> None:
    place = tmp_path / "jwks.json"
    place.write_bytes(orjson.dumps({"keys": [forge.public]}))
    authenticator = Authenticator(KeyStore(str(place)), "whimbrel-local", "whimbrel", FACTORS)
    token = f"Bearer {forge.issuer.issue('acme', 'u', ['admin'])}"
    await authenticator.principal(token)

    place.write_bytes(orjson.dumps({"keys": [jwk.OKPKey.generate_key("Ed25519", {"kid": "new"}).as_dict(private=False)]}))

    with pytest.raises(HttpProblem):
        await authenticator.principal(token)


def test_the_private_key_can_be_read_by_its_owner_only_SEC2(tmp_path: Path) -> None:
    LocalIssuer(tmp_path)

    assert (tmp_path / "issuer" / "key.json").stat().st_mode & 0o777 == 0o600
    assert b'"d"' not in jwks_path(tmp_path).read_bytes()
