"""Light, dark and high contrast."""

from textual.theme import Theme

HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#ffff00",
    secondary="#00ffff",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#202020",
    success="#00ff00",
    warning="#ffff00",
    error="#ff8080",
    dark=True,
    variables={
        "block-cursor-background": "#ffff00",
        "block-cursor-foreground": "#000000",
        "block-cursor-blurred-background": "#606000",
        "footer-key-foreground": "#ffff00",
        "text-muted": "#e0e0e0",
        "text-disabled": "#c0c0c0",
        "border": "#ffffff",
        "border-blurred": "#a0a0a0",
    },
)

CYCLE = ("textual-dark", "textual-light", HIGH_CONTRAST.name)
"""Themes in the order in which the key cycles through them."""


def next_theme(name: str) -> str:
    """Return the next theme in the cycle; after any other theme, the first.

    >>> next_theme("textual-dark"), next_theme("nord")
    ('textual-light', 'textual-dark')
    """
    return CYCLE[(CYCLE.index(name) + 1) % len(CYCLE)] if name in CYCLE else CYCLE[0]
