"""Consumers as processes: their stores in SQLite, their loop, the decisions to skip a record.
What a consumer does, and how it is fed, stands in `consumers`.
"""
