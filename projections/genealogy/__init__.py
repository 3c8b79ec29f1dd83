"""Genealogy: what is made of what, declared and found. `view` keeps the rows; the rest answers questions and draws.
Pure: no SQL, no files, no clock.
"""
