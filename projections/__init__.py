"""Read models of the ledger, pure: what each view reads of an entry and how that changes its rows.
Nothing of a view is trusted: it is rebuilt from the ledger and compared by its digest.
"""
