"""Signing keys of a log in files of mode 0600, and the policy file made of their public halves.
Whoever reads a key file can sign in the log's name; only witnesses would show it.
"""
