"""The transparency log's mathematics: tree, tiles, notes, checkpoints, proofs and policies, bytes in and bytes out.
Imports nothing else of ours and only `cryptography` from outside: an offline verifier is this folder alone.
"""
