"""Execution of runs on workers: one at a time on each, in a fresh process that ends with its worker."""
