"""The three real servers: Kafka, PostgreSQL, the schema registry."""

from deploy.embedded.servers.kafka import Kafka
from deploy.embedded.servers.postgres import Postgres
from deploy.embedded.servers.registry import Registry

__all__ = ["Kafka", "Postgres", "Registry"]
