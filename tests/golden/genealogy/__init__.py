"""A small lineage in every form it leaves the house in, written by `make_golden`.
A changed file is a changed format: whoever reads our exports has to know.
"""
