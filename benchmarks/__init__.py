"""How fast and how good we are beside others, measured side by side in one go: `make bench`, or `python -m benchmarks`.

Everything measured runs in a process of its own: our stages in their portable numerics, the peers with whatever torch
and scikit-learn do by default. Nothing here is a part of the pipeline, and nothing here is chosen on the test set.
"""
