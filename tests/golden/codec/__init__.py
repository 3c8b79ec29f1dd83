"""Golden entries of the two founding events, and the script that makes them.
A changed file here is a format change: it needs a new version and an ADR."""
