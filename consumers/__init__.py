"""Readers of Kafka that believe a policy file alone: the check of all topics, feeds, the runtime, the mirror.
What is handled and how is decided here, without a driver; `infra.kafka` reads, `infra.consumers` stores and runs.
"""
