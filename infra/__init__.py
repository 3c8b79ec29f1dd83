"""Everything that touches the outside: settings, the composition root, drivers, command line.
Nobody imports infra.
"""
