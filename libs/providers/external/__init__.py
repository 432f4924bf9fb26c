"""Any system that is told by a signed webhook or a Kafka message, and answers by a report."""
