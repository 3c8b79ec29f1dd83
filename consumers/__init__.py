"""Readers that act: agents, workers, mirror; fed from the ledger or from Kafka.
None is built before the issue that brings Kafka.
"""
