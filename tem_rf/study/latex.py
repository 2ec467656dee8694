"""Text as LaTeX has it."""

import re

_SIGNS = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--"}


def escape_latex(text: str) -> str:
    r"""Escape what LaTeX would interpret.

    >>> print(escape_latex("n2_p44 0.9 ± 0.1"))
    n2\_p44 0.9 $\pm$ 0.1
    """
    return re.sub(r"[\\~^±–&%$#_{}]", lambda found: _SIGNS.get(found[0], f"\\{found[0]}"), text)
