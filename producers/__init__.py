"""The write side: one application service per context, the sealer, and the relay to Kafka.
Ports are Protocols here; infra implements them.
"""
