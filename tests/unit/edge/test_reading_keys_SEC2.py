"""Keys read from an https URL: whole, once for however many ask, and in bounded time (SEC2, SEC7)."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp.connector
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import OKPKey

from libs.edge.keys import KeyStore

DOCUMENT = orjson.dumps({"keys": [OKPKey.generate_key("Ed25519", {"kid": f"k-{n}"}).as_dict(private=False) for n in range(200)]})


class Issuer:
    """Serves a document in pieces that arrive one after another."""

    def __init__(self, directory: Path) -> None:
        self.document, self.asked, self.status = DOCUMENT, 0, 200
        self._app = web.Application()
        self._app.router.add_get("/jwks", self._answer)
        self._directory = directory
        self.server = TestServer(self._app, scheme="https")

    async def start(self) -> ssl.SSLContext:
        """Serve over TLS; returns what trusts its certificate."""
        _certify(self._directory)
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(self._directory / "cert.pem", self._directory / "key.pem")
        await self.server.start_server(ssl=ours)
        return ssl.create_default_context(cafile=str(self._directory / "cert.pem"))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        response = web.StreamResponse(status=self.status)
        await response.prepare(request)
        for start in range(0, len(self.document), 4_096):
            await response.write(self.document[start : start + 4_096])
            await asyncio.sleep(0)
        return response

    @property
    def url(self) -> str:
        return str(self.server.make_url("/jwks"))


def _certify(directory: Path) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.datetime(2000, 1, 1))
        .not_valid_after(datetime.datetime(2100, 1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    (directory / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (directory / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture
async def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Issuer]:
    found = Issuer(tmp_path)
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", await found.start())
    yield found
    await found.server.close()


async def test_a_set_of_keys_that_comes_in_pieces_is_read_to_its_end_SEC2(issuer: Issuer) -> None:
    keys = KeyStore(issuer.url)

    assert await keys.find("k-0")
    assert await keys.find("k-199")


async def test_a_hundred_unknown_keys_at_once_are_one_fetch_SEC7(issuer: Issuer) -> None:
    keys = KeyStore(issuer.url)

    found = await asyncio.gather(*(keys.find(f"unknown-{n}") for n in range(100)))

    assert (found, issuer.asked) == ([None] * 100, 1)


async def test_a_failing_issuer_is_asked_once_by_all_who_wait_SEC7(issuer: Issuer) -> None:
    issuer.status = 503
    keys = KeyStore(issuer.url)

    await asyncio.gather(*(keys.find("k-0") for _ in range(100)))

    assert issuer.asked == 1


async def test_whoever_began_the_fetch_may_leave_without_taking_it_along_SEC7(issuer: Issuer) -> None:
    keys = KeyStore(issuer.url)
    first, second = (asyncio.create_task(keys.find("k-0")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()

    assert await second
    assert issuer.asked == 1


async def test_more_than_a_mebibyte_is_no_set_of_keys_SEC7(issuer: Issuer) -> None:
    issuer.document = DOCUMENT + b" " * (1 << 20)

    assert await KeyStore(issuer.url).find("k-0") is None


async def test_a_set_with_something_else_in_it_leaves_nobody_trusted_SEC2(issuer: Issuer) -> None:
    issuer.document = b'{"keys": ["k-0"]}'

    assert await KeyStore(issuer.url).find("k-0") is None
