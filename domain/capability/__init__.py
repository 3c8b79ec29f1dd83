"""Capability context: models, tools and templates, filed, examined and graded before anybody may call them.
Topic edgeprint.capability.v1.
"""
