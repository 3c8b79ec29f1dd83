"""The genealogy index: what an object is made of and where it went, as of any ledger index.
Pure values and sums; whoever calls feeds it from the ledger, keeps its snapshots and writes what it draws.
"""
