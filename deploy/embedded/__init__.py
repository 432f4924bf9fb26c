"""Real Kafka, PostgreSQL and schema registry on this machine without containers, and the six services on top."""
