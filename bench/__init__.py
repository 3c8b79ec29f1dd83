"""Benchmarks: each prints a table with ratios made in one run and the disk's fsync latency.
Run them from the repository as `python -m bench.<name>`; figures with machine and date stand in docs/benchmarks.md.
"""
