"""Every message that crosses Kafka: typed models, their Avro schemas, and the table of topics. Pure: no I/O, no client."""
