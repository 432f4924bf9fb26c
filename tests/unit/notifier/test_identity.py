"""Ids of deliveries: the same for the same event and subscription, and at home where the migration is (D3, R9)."""

from confluent_kafka.cimpl import murmur2
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.identity import delivery_id_of

PARTITIONS = 64


@given(
    event=st.text("0123456789abcdef", min_size=32, max_size=32), subscription=st.text(max_size=20), partition=st.integers(0, PARTITIONS - 1)
)
def test_a_delivery_lives_on_the_partition_of_its_migration_R9(event: str, subscription: str, partition: int) -> None:
    made = delivery_id_of("acme", event, subscription, partition, PARTITIONS)

    assert murmur2(f"acme/{made}".encode(), PARTITIONS) == partition
    assert made == delivery_id_of("acme", event, subscription, partition, PARTITIONS)


def test_the_formula_never_changes_D3() -> None:
    assert delivery_id_of("acme", "0" * 32, "sub-1", 3, 4) == "42a12db4-152e-59e1-a97d-c1e4bd312fb1"


def test_other_events_and_other_subscriptions_are_other_deliveries() -> None:
    made = {delivery_id_of("acme", f"{event:032x}", f"s-{subscription}", 3, 4) for event in range(30) for subscription in range(30)}

    assert len(made) == 900
