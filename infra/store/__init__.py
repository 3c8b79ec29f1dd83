"""The ledger store: PostgreSQL and memory behind one port, group commit, feed, migrations, roles and guards.
Trusted for order and durability only; what an attacker gains who writes here is caught by tiles and witnesses.
"""
