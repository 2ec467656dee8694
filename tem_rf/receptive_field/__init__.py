"""What a network can see: architectures and their geometry, in pure integers (no TensorFlow)."""

from tem_rf.receptive_field.architecture import Architecture
from tem_rf.receptive_field.calculus import ReceptiveField

__all__ = ["Architecture", "ReceptiveField"]
