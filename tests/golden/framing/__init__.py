"""Golden records: an entry as it stands on Kafka, with its key, its headers and both framings.
A changed file here is a format change: it needs a new version and an ADR."""
