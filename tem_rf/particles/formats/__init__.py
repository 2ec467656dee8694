"""Particles written for other programs: outlines, tables, numbered pictures."""
