"""What a person calls: the steps of the workflow as functions of Python, and `codesign hold`."""
