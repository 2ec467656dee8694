"""Settings of the statistics of a folder of particles."""

from typing import Literal

EdgeRule = Literal["exclude", "half", "correct"]
"""What is done with particles that the edge of the image cuts."""

Criterion = Literal["aicc", "bic"]
"""Criterion by which fits of a distribution are compared."""
