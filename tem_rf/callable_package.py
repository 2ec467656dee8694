"""A package that is also the function of its name in `tem_rf.api`."""

import inspect
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any


class CallablePackage(ModuleType):
    """Class of the packages `tem_rf.export` and `tem_rf.receptive_field`.

    Python binds a package to its name in the package above as soon as anything in it is imported, so a function of
    the same name would come and go. As it is, `tem_rf.export` is one object: called, it is the function; its modules
    are imported from it as from any package. Type checkers see the function, which `tem_rf/__init__.py` declares.
    """

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the function of the public interface."""
        return self._function(*arguments, **named)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function)

    @property
    def _function(self) -> Callable[..., Any]:
        return getattr(import_module("tem_rf.api"), self.__name__.rpartition(".")[2])
