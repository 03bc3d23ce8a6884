"""Chooses the colours of a button, so that its edge and its text can be seen (WCAG 2.2, 1.4.11 and 1.4.3)."""

_EDGE_CONTRAST = 3.0
_WHITE, _BLACK = "#ffffff", "#000000"


def button_colors(brand: str, paper: str, ink: str) -> tuple[str, str]:
    """The background and the text colour of a button on ``paper``; all colours are like ``#0b6e69``.

    The background is the brand's colour if it stands out from the paper, with white or black text, whichever can be
    read better: one of the two always has a contrast of 4.5. Otherwise it is ``ink``, with ``paper`` for the text.
    """
    if contrast(brand, paper) < _EDGE_CONTRAST:
        return ink, paper
    return brand, max((_WHITE, _BLACK), key=lambda text: contrast(brand, text))


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB's definition
