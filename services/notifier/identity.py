"""Ids that derive from what they stand for, so that a repeat finds the same delivery."""

from uuid import UUID, uuid5

from confluent_kafka.cimpl import murmur2

from libs.contracts.envelope import key_of

CALLBACK = ""
"""Subscription of a message to a migration's callback URL."""
_DELIVERIES = UUID("2f1d7c0a-8f5e-5b43-9c55-6f0c51a7be04")
_TAILS = 1 << 16


def delivery_id_of(tenant: str, event_id: str, subscription: str, partition: int, partitions: int) -> str:
    """Id of a delivery, which is its `webhook-id`: UUIDv5 over event and subscription. Never change the formula.

    Its last two bytes are counted up until its key lives on the partition number of the migration itself. Everything about
    one migration then passes one partition from the event to the sender, which is what keeps messages in order.
    """
    first = str(uuid5(_DELIVERIES, f"{event_id}\n{subscription}"))
    head, last = first[:-4], int(first[-4:], 16)
    for number in range(last, last + _TAILS):
        candidate = f"{head}{number % _TAILS:04x}"
        if murmur2(key_of(tenant, candidate), partitions) == partition:
            return candidate
    return first


def disable_id_of(subscription: str, version: int, cause: str) -> str:
    """Command id of the wish to disable a subscription for a cause: the same for every delivery that finds it so."""
    return f"{subscription}/disable/{version}/{cause}"
