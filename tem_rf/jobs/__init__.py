"""What the program can do: one typed request per job, and the function that does it.

The command line, the terminal app and the Python API are generated from the requests: a setting is one field.
"""
