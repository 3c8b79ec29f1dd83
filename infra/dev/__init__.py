"""What a developer fills a ledger with: the corpus, a seeded history of a film house as events of the product.

It writes no law of its own: judgements and follow-ups are those of `domain`, and every entry goes through append().
"""
