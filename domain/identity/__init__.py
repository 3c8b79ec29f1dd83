"""Identity context: every asset gets its identifier first, then its traceable set is judged.
Topic edgeprint.identity.v1.
"""
