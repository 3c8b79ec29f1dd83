"""Checks of what is stored, with nothing but the files and a policy: they say what is damaged and where.
A check never repairs anything.
"""
