"""Read models of the ledger: genealogy, compliance, trade and KPI views.
Pure handlers from entries to rows; none is built before the read side's own issue.
"""
