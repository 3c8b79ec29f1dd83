"""Between events and bytes: Avro schemas generated from the event classes, and the one codec that writes and reads
entries. The `.avsc` files beside this module are its output; `digests.json` freezes those that are published."""
