"""Which addresses a webhook may reach (SEC3)."""

import pytest

from libs.runtime.errors import Misconfigured
from libs.telling.addresses import AddressPolicy, Refused, policy_of

_FORBIDDEN = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1 127.255.255.254 169.254.169.254 169.254.170.2
172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9
224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1
100::1 2001::1 2001:db8::1 2001:0:7f00:1::1 2002:7f00:1:: 2002:a9fe:a9fe::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1
fe80::1%eth0 fec0::1 ff02::1 2600::1%eth0 not-an-address
"""
_PUBLIC = "1.1.1.1 8.8.8.8 93.184.215.14 172.32.0.1 100.128.0.1 2606:4700:4700::1111 2a00:1450:4001::1 64:ff9b::808:808 ::ffff:8.8.8.8"
FORBIDDEN, PUBLIC = _FORBIDDEN.split(), _PUBLIC.split()


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_public_is_forbidden_SEC3(address: str) -> None:
    assert not AddressPolicy().allows(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert AddressPolicy().allows(address)


def test_a_network_named_by_the_operator_is_allowed_and_no_other() -> None:
    policy = policy_of("10.1.0.0/16, fd00::/8", "prod")

    assert policy.allows("10.1.2.3")
    assert policy.allows("::ffff:10.1.2.3")
    assert policy.allows("fd00::7")
    assert not policy.allows("10.2.0.1")
    assert not policy.allows("127.0.0.1")


def test_loopback_is_allowed_in_dev_only_and_can_be_forbidden_there() -> None:
    assert policy_of("", "dev").allows("127.0.0.1")
    assert policy_of("", "dev").allows("::1")
    assert not policy_of("", "dev").allows("169.254.169.254")
    assert not policy_of("none", "dev").allows("127.0.0.1")
    assert not policy_of("", "prod").allows("127.0.0.1")


def test_a_network_that_is_none_is_named_with_its_variable() -> None:
    with pytest.raises(Misconfigured, match="WHIMBREL_WEBHOOK_ALLOW"):
        policy_of("10.1.0.0/33", "prod")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.com/", "neither http nor https"),
        ("//example.com/", "neither http nor https"),
        ("http:///path", "no host"),
        ("http://user:word@example.com/", "user or a password"),
        ("http://user@example.com/", "user or a password"),
        ("http://127.0.0.1/", "not public"),
        ("http://[::1]/", "not public"),
        ("http://2130706433/", "usual form"),
        ("http://127.1/", "usual form"),
        ("http://0177.0.0.1/", "usual form"),
        ("http://[fe80::1%25eth0]/", "usual form"),
        ("http://example.com:22/", "port"),
        ("http://example.com:0/", "port"),
        ("http://example.com:99999/", "parsed"),
        ("http://[::1/", "parsed"),
    ],
)
def test_a_url_that_cannot_be_sent_to_says_why_SEC3(url: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        AddressPolicy().checked(url)


@pytest.mark.parametrize("url", ["https://example.com/hooks?a=1", "http://example.com:8080/", "https://[2606:4700:4700::1111]/x"])
def test_a_usual_url_is_taken_as_it_is(url: str) -> None:
    assert str(AddressPolicy().checked(url)) == url
