"""The write side: one application service per context, and the sealer.
Ports are Protocols here; infra implements them.
"""
