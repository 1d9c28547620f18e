"""One module a task: its data, its model, its loss and its score.

Fitting data and test data come from separate functions, so that nothing before
the evaluation can read a test example.
"""
