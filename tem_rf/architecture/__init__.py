"""Architectures and what they can see: names, layers, parameter counts, receptive field; no TensorFlow."""

from tem_rf.architecture.architecture import Architecture
from tem_rf.architecture.receptive_field import ReceptiveField

__all__ = ["Architecture", "ReceptiveField"]
