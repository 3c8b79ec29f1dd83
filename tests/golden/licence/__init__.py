"""A licence token and a presentation of it, made by the second implementation from fixed keys and salts
(`make_golden.py`); docs/formats.md shows the presentation."""
