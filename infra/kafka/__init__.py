"""Kafka: the broker for development, the client's one wrapping, topics, the relay's process, checked reading."""
