"""Governance at the edge: commands of the registry given to the ledger, decisions explained, parties and policies.
What may be done is decided in `domain.governance` and `producers`; here it is read, signed and told.
"""
