"""The two errors of the ledger's mathematics; `domain.errors` re-exports them and adds the rest of the tree.

LedgerError            root of every error edgeprint raises on purpose
└── Invalid            bytes, a proof, a key or a policy is wrong: evidence, never retried
"""


class LedgerError(Exception):
    """The root of every error that edgeprint raises on purpose."""


class Invalid(LedgerError):
    """Bytes, a proof, a key or a policy is wrong. Keep it as evidence; trying again gives the same answer."""
