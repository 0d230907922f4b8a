"""The engine itself: a process that launches runs, watches over them and outlives every terminal.

It imports neither Prefect nor any training library: it starts in a fraction of a second, stays
small, and nothing that a run does can take it along.
"""
