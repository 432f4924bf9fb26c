"""Ask for a migration straight on Kafka, with any client. Needs WHIMBREL_KAFKA; WHIMBREL_PREFIX names the environment's topics."""

import json
import os

from confluent_kafka import Producer

request = {"migrationId": "crm-2026-11", "appName": "crm", "environment": "dev", "provider": "rehearsal", "source": {}, "target": {}}
producer = Producer({"bootstrap.servers": os.environ["WHIMBREL_KAFKA"], "acks": "all", "enable.idempotence": True})
topic = os.environ.get("WHIMBREL_PREFIX", "whimbrel") + ".intake"
producer.produce(topic, json.dumps(request), headers={"idempotency-key": "crm-2026-11"})  # the same key finds the same migration
assert producer.flush(10) == 0, "Kafka did not confirm the request"
