"""What the provider needs from the process that it runs in: the ways out, and the ticket that a report must bring back."""

from typing import NamedTuple, Protocol


class Told(NamedTuple):
    """How telling ended: `error` is empty when the message was taken, else a sentence; `final` says that no repeat can help."""

    error: str = ""
    final: bool = False


class Outside(Protocol):
    """The ways out of a process."""

    def url_refusal(self, url: str) -> str:
        """Why nothing may be posted to a URL, as a sentence; empty when it may."""

    def topic_refusal(self, topic: str) -> str:
        """Why nothing may be written to a topic, as a sentence; empty when it may."""

    def ticket(self, work_id: str, attempt: int) -> str:
        """What proves that a report comes from whoever was told of this attempt. Raises ProviderError when no key is configured."""

    async def post(self, url: str, secret: str, message_id: str, payload: str) -> Told:
        """Post a Standard Webhook signed with a whsec_ secret, once."""

    async def publish(self, topic: str, key: str, message_id: str, payload: str) -> Told:
        """Write to a topic and wait for the broker."""
