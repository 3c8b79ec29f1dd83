"""Golden topics: Apache Kafka's own answers, the frozen manifest, and what makes them.
A changed file here moves records to other partitions or changes a topic: it needs a new generation and an ADR."""
