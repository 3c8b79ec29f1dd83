"""Governance context: the parties who act, and later their keys, mandates and policies.
Topic edgeprint.governance.v1.
"""
