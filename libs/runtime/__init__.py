"""The loops that run deciders, workers and sinks on Kafka, and the few pieces they share. Knows no service and no provider."""
