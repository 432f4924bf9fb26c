"""A corpus of URLs that try to reach inside (SEC3): none of them gets a byte to a canary on the loopback interface."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from libs.telling.addresses import AddressPolicy, policy_of
from libs.telling.connecting import connector
from libs.telling.posting import DELIVERED, GONE, Poster

_INSIDE = """
127.0.0.1 127.0.0.2 127.1 127.0.1 2130706433 017700000001 0x7f000001 0x7f.0x0.0x0.0x1 0x7f.1 0177.0.0.1 0177.0.0.01 127.0.0.1.
0 0.0.0.0 00000000.0 localhost localhost. LOCALHOST ip6-localhost
[::1] [0:0:0:0:0:0:0:1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::] [::1%25lo] [::ffff:0:127.0.0.1]
%31%32%37.0.0.1 127%2e0%2e0%2e1 127。0。0。1 ①②⑦.⓪.⓪.① １２７.0.0.1
mapped.test rebinding.test half.test nat64.test metadata.test private.test
10.0.0.1 172.16.0.1 192.168.0.1 169.254.169.254 100.100.100.200 2852039166 0xa9fea9fe 0251.0376.0251.0376 [fd00:ec2::254] [fe80::1]
user@127.0.0.1 user:word@127.0.0.1 example.com@127.0.0.1 127.0.0.1#@example.com 127.0.0.1?@example.com example.com:80@127.0.0.1
127.0.0.1:80\\@example.com example.com\\@127.0.0.1 \\127.0.0.1 127.0.0.1%23.example.com 127.0.0.1%00.example.com
"""
INSIDE = _INSIDE.split()
OTHER_SCHEMES = ["file:///etc/hostname", "gopher://127.0.0.1:{port}/_x", "ftp://127.0.0.1:{port}/", "unix:///tmp/socket", "HTTP+UNIX://x/"]
OTHER_SCHEMES += [
    "//127.0.0.1:{port}/",
    "javascript:fetch('http://127.0.0.1:{port}/')",
    "http:127.0.0.1:{port}",
    "dict://127.0.0.1:{port}/d",
]
ANSWERS = {
    "mapped.test": ["::ffff:127.0.0.1"],
    "half.test": ["93.184.215.14", "127.0.0.1"],
    "nat64.test": ["64:ff9b::7f00:1"],
    "metadata.test": ["169.254.169.254"],
    "private.test": ["10.1.2.3", "192.168.1.1"],
}


class Rebinding(AbstractResolver):
    """Says one thing when it is asked first and another afterwards, as a hostile name server does; other names by the system."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        name = host.rstrip(".").lower()
        if name == "rebinding.test":
            self.asked += 1
            found = ["93.184.215.14"] if self.asked == 1 else ["127.0.0.1"]
        elif name in ANSWERS:
            found = ANSWERS[name]
        else:
            infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=0)
            found = [str(info[4][0]) for info in infos]
        return [_result(host, port, address) for address in found]

    async def close(self) -> None:
        pass


def _result(host: str, port: int, address: str) -> ResolveResult:
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)


class Canary:
    """Counts connections to one port of every loopback address, IPv4 and IPv6, and answers nothing."""

    def __init__(self) -> None:
        self.hits = 0
        self.port = 0

    async def start(self) -> list[asyncio.Server]:
        first = await asyncio.start_server(self._hit, "0.0.0.0", 0)
        self.port = first.sockets[0].getsockname()[1]
        return [first, await asyncio.start_server(self._hit, "::1", self.port)]

    async def _hit(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hits += 1
        writer.close()


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    found = Canary()
    servers = await found.start()
    yield found
    for server in servers:
        server.close()


def poster_with(policy: AddressPolicy) -> Poster:
    return Poster(policy, connector(policy, Rebinding()), timeout_s=2.0)


async def test_no_url_of_the_corpus_reaches_a_canary_SEC3(canary: Canary) -> None:
    urls = [f"http://{host}{'' if any(sign in host for sign in '#?') else f':{canary.port}'}/" for host in INSIDE]
    urls += [url.format(port=canary.port) for url in OTHER_SCHEMES]
    poster = poster_with(policy_of("", "prod"))

    outcomes = await asyncio.gather(*(poster.post(url, "{}", {}) for url in urls))
    again = await asyncio.gather(*(poster.post(f"http://rebinding.test:{canary.port}/", "{}", {}) for _ in range(5)))

    assert len(urls) >= 60
    assert [url for url, outcome in zip(urls, outcomes, strict=True) if outcome.outcome == DELIVERED] == []
    assert all(outcome.outcome != DELIVERED for outcome in again)
    assert canary.hits == 0
    await poster.close()


async def test_the_address_connected_to_is_looked_at_again_whatever_the_resolver_said_SEC3(canary: Canary) -> None:
    class Trusting(AddressPolicy):
        """A first look that is fooled: every name passes it, as if its answer had changed right afterwards."""

        def __init__(self) -> None:
            super().__init__()
            self.looks = 0

        def allows(self, address: str) -> bool:
            self.looks += 1
            return self.looks == 1 or super().allows(address)

    policy = Trusting()
    poster = poster_with(policy)

    outcome = await poster.post(f"http://mapped.test:{canary.port}/", "{}", {})

    assert policy.looks >= 2
    assert outcome.outcome != DELIVERED
    assert canary.hits == 0
    await poster.close()


async def test_the_canary_would_notice(canary: Canary) -> None:
    poster = poster_with(policy_of("127.0.0.0/8, ::1/128", "prod"))

    for host in ("127.0.0.1", "[::1]", "localhost", "mapped.test", "rebinding.test", "rebinding.test"):
        await poster.post(f"http://{host}:{canary.port}/", "{}", {})

    assert canary.hits >= 4
    await poster.close()


async def test_what_cannot_be_sent_to_ends_the_delivery_and_what_dns_may_mend_does_not_SEC3(canary: Canary) -> None:
    poster = poster_with(policy_of("", "prod"))

    literal = await poster.post(f"http://127.0.0.1:{canary.port}/", "{}", {})
    named = await poster.post(f"http://private.test:{canary.port}/", "{}", {})

    assert (literal.outcome, literal.error) == (GONE, "the address in the URL is not public")
    assert (named.outcome, named.error) == ("failed", "the host has an address that is not public")
    assert "10.1.2.3" not in named.error
    await poster.close()
