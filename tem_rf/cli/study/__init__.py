"""`tem-rf study`: many trainings, planned, run and compared together."""
