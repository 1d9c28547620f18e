"""One folder a task, and what every task answers (`contract`).

A folder holds `about.yaml`, read without torch while the workflow is read, and `task.py` with its `TASK`.
Training, validation and test examples are asked for by name, so that nothing before the evaluation can
read a test example.
"""
