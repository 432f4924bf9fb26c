"""Topics and schemas, made between the start of the servers and that of the services."""

from confluent_kafka import KafkaException
from confluent_kafka.schema_registry.error import SchemaRegistryError

from deploy.embedded.errors import EnvironmentProblem
from libs.runtime.codec import Codec
from libs.runtime.errors import WhimbrelError
from libs.runtime.kafka import create_topics
from libs.runtime.registry import Registry


def provision(kafka: str, registry: str, prefix: str, partitions: int) -> None:
    """Make what is missing. Raises EnvironmentProblem."""
    try:
        create_topics(kafka, prefix, partitions)
        Codec(Registry(registry), prefix, "provision").register(prefix)
    except (WhimbrelError, KafkaException, SchemaRegistryError) as error:
        raise EnvironmentProblem(f"topics and schemas cannot be made: {error}") from error
