"""Settlements as they are computed for ever: the cases in which rounding or the order of equals decides.
Written by `python -m tests.golden.settlement.make_golden`.
"""
