"""Architectures and their receptive fields: names, layers, parameter counts; no TensorFlow."""

from tem_rf.architecture.architecture import Architecture
from tem_rf.architecture.receptive_field import ReceptiveField

__all__ = ["Architecture", "ReceptiveField"]
