"""Which URLs and addresses a webhook may be sent to (SEC3). Pure.

Whoever subscribes chooses the URL, so without this the notifier would be a way into the network that it runs in.
"""

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from yarl import URL

from libs.runtime.errors import Misconfigured

Network = IPv4Network | IPv6Network
LOOPBACK = "127.0.0.0/8,::1/128"
_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1_024
_PUBLIC_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
# Special-purpose registries of IANA, where the standard library counts them as global or does not know them yet.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)


class Refused(Exception):
    """The URL can never be sent to; the message says why, for its owner."""


class Forbidden(OSError):
    """The host has an address that webhooks may not reach. The message does not name it: that would map our network."""


class AddressPolicy:
    """Allows public addresses and the networks named."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def allows(self, address: str) -> bool:
        """Whether a connection to this address, as the socket sees it, is allowed."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        inner = _unwrapped(parsed)
        return any(inner in network for network in self._allowed if network.version == inner.version) or _is_public(inner)

    def checked(self, text: str) -> URL:
        """The URL as it will be used. Raises Refused for what no look at DNS could mend."""
        try:
            url = URL(text)
            host, port = url.raw_host or "", url.port
        except ValueError as error:
            raise Refused("the URL cannot be parsed") from error
        if url.scheme not in ("http", "https"):
            raise Refused("the URL is neither http nor https")
        if not host:
            raise Refused("the URL names no host")
        if url.raw_user is not None or url.raw_password is not None or "@" in url.raw_authority:
            raise Refused("the URL holds a user or a password")
        literal = _literal(host)
        if literal is not None and not self.allows(literal):
            raise Refused("the address in the URL is not public")
        if port is None or not (port in _PORTS or port >= _FIRST_FREE_PORT):
            raise Refused("the port is neither 80, 443 nor above 1023")
        return url.with_fragment(None)


def _literal(host: str) -> str | None:
    """The address when the host is one, in its only canonical form; None for a name. Raises Refused for other notations."""
    if ":" in host or host.replace(".", "").isdigit():
        try:
            if "%" in host:
                raise ValueError("a zone is not for the outside")
            return str(ipaddress.ip_address(host))
        except ValueError as error:
            raise Refused("the address in the URL is not written in its usual form") from error
    return None


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv4-mapped or NAT64 address leads to."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and (address not in _PUBLIC_V6 or address.scope_id):
        return False
    return address.is_global and not address.is_multicast and not any(address in net for net in _NEVER if net.version == address.version)


def policy_of(allow: str, environment: str) -> AddressPolicy:
    """The policy that settings ask for. Raises Misconfigured, naming WHIMBREL_WEBHOOK_ALLOW."""
    wanted = allow.strip() or (LOOPBACK if environment == "dev" else "none")
    if wanted == "none":
        return AddressPolicy()
    try:
        return AddressPolicy([ipaddress.ip_network(part.strip()) for part in wanted.split(",")])
    except ValueError as error:
        raise Misconfigured(f"WHIMBREL_WEBHOOK_ALLOW: {error}; name networks such as 10.1.0.0/16, or none") from error
