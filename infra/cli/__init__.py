"""The command line: Typer commands that parse, call one function, and print.
Result on stdout, the rest on stderr; heavy imports happen inside commands.
"""
