"""Rights context: titles, the roots from which every authorisation chain starts.
Topic edgeprint.rights.v1.
"""
