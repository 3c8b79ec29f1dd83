"""Evidence context: the Ledger stream, which founds the log and publishes its schemas.
Topic edgeprint.evidence.v1.
"""
