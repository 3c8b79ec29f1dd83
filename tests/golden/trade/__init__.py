"""A settlement plan, and statements of one settlement: what licences pin, and what people are handed.
Made by `make_golden`.
"""
