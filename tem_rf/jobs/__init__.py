"""The jobs of the program: one typed request per job, and the function that carries it out.

The command line, the terminal app and the Python API are generated from the requests: a setting is one field.
"""
