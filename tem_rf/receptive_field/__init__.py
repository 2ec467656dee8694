"""What a network can see: architectures and their geometry, in pure integers (no TensorFlow).

Called, this package is `tem_rf.api.receptive_field`.
"""

import sys

from tem_rf.callable_package import CallablePackage
from tem_rf.receptive_field.architecture import Architecture
from tem_rf.receptive_field.calculus import ReceptiveField

__all__ = ["Architecture", "ReceptiveField"]

sys.modules[__name__].__class__ = CallablePackage
