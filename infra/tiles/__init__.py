"""The static tlog-tiles tree as a POSIX directory: written by one sealer, read by anyone.
Not trusted; everything in it is found again from the signed root.
"""
