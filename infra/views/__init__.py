"""Where the rows of views lie, in PostgreSQL or in memory, and what feeds, rebuilds and reads them.
Nothing here is trusted: a view is rebuilt from the ledger, and its digest compared.
"""
