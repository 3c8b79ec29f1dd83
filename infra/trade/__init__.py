"""Money: what the vault opens, summed and written down for those to whom it belongs.
Nothing here is part of a view or its digest; what was erased is told as erased.
"""
