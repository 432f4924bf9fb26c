"""`whimbrel provision`: what must be there before the services start: topics and registered schemas."""

from typing import Annotated

import typer

from libs.cli.errors import CliError, Exit
from libs.cli.output import AsJson, one_line_errors, print_json, say


def provision(
    replication: Annotated[int, typer.Option(min=1, max=10, help="Copies that Kafka keeps of each topic.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Create the topics of the prefix and register every schema; what is there already is left as it is.

    Servers and prefix come from WHIMBREL_KAFKA, WHIMBREL_REGISTRY, WHIMBREL_PREFIX and WHIMBREL_PARTITIONS.
    `whimbrel up` does this by itself.
    """
    from confluent_kafka import KafkaException  # both take half a second to import
    from confluent_kafka.schema_registry.error import SchemaRegistryError

    from libs.cli.servers import servers
    from libs.contracts.topics import TOPICS
    from libs.runtime.codec import Codec
    from libs.runtime.errors import WhimbrelError
    from libs.runtime.kafka import create_topics
    from libs.runtime.registry import Registry

    with one_line_errors(as_json):
        try:
            settings = servers()
            create_topics(settings.kafka, settings.prefix, settings.partitions, replication)
            schemas = Codec(Registry(settings.registry), settings.prefix, "cli").register(settings.prefix)
        except (WhimbrelError, KafkaException, SchemaRegistryError) as error:
            raise CliError(f"cannot provision: {error}", Exit.ENVIRONMENT) from error
        if as_json:
            print_json({"prefix": settings.prefix, "topics": len(TOPICS), "partitions": settings.partitions, "schemas": schemas})
        else:
            say(f"{len(TOPICS)} topics of {settings.partitions} partitions and {schemas} schemas are there under {settings.prefix}")
