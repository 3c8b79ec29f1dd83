"""Golden files of the ledger's formats, the script that makes them, and a plain transcription of RFC 9162.
A changed file here is a format change: it needs a new version and an ADR.
"""
