"""Pure decisions: identifiers, events, aggregates and policies.
No clock, randomness, files, sockets or environment; times and new ids come in as values.
"""
