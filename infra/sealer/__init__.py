"""The sealer around `producers.sealer`: its process, its side of the database,
the rollback guard, and sealing at once when no process runs.
"""
