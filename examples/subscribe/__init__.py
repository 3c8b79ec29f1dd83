"""How others subscribe to the events: complete programs in Python, Java and Go, shown in docs/reference/subscribe.md.
They import nothing of ours. The tests run the ones in Python and Java.
"""
