"""A finished run, packaged for others.

Called, this package is `tem_rf.api.export`.
"""

import sys

from tem_rf.callable_package import CallablePackage

sys.modules[__name__].__class__ = CallablePackage
