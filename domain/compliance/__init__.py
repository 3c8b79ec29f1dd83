"""Compliance context: infringements found outside, from the sighting to the judgment (Civil Code arts. 1194-1197).
Topic edgeprint.compliance.v1.
"""
