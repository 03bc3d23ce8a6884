"""A brand's colour on buttons: used where it can be seen, and always with text that can be read."""

from itertools import product

import pytest

from hubspot_oauth.install.button_colors import button_colors, contrast

SCHEMES = {"light": ("#ffffff", "#1d2733"), "dark": ("#1b232c", "#eef2f6")}
GRID = ["#" + "".join(f"{part * 17:02x}" for part in parts) for parts in product(range(0, 16, 3), repeat=3)]


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21), ("#ffffff", "#ffffff", 1), ("#777777", "#ffffff", 4.48), ("#0b6e69", "#ffffff", 6.09)],
)
def test_contrast_is_wcags(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_colour_gives_a_button_that_can_be_seen_and_read(scheme: str) -> None:
    paper, ink = SCHEMES[scheme]

    for brand in GRID:
        button, text = button_colors(brand, paper, ink)
        assert contrast(button, paper) >= 3, brand
        assert contrast(button, text) >= 4.5, brand
        assert (button == brand) == (contrast(brand, paper) >= 3), brand


def test_a_colour_that_only_one_scheme_can_show_is_used_there() -> None:
    buttons = {name: button_colors("#ffd400", *scheme) for name, scheme in SCHEMES.items()}

    assert buttons == {"light": ("#1d2733", "#ffffff"), "dark": ("#ffd400", "#000000")}
