"""Readers of Kafka and of the ledger: today the check of everything on the topics (`topic_check`).
Agents, workers, the mirror and their runtime come with later issues.
"""
