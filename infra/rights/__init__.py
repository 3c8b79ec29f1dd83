"""Titles and grants, looked at as their streams stand, for the command line.
Nothing is searched: a grant names its chain.
"""
