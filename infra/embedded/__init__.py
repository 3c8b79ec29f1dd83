"""PostgreSQL for one machine: finding its programs and running one cluster per home, reached by a unix socket only.
Used where no DATABASE_URL is given.
"""
