"""Typed settings, each with its unit and range; read from files, flags and forms alike."""
