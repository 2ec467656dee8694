"""`tem-rf study`: plan, run and compare many trainings."""
