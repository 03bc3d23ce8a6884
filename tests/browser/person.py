"""A person at a real browser: what they do, and what the page they end on says."""

from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Frame, Page, expect

from tests.support.secret_scan import secrets_in

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
SCHEMES = ("light", "dark")
MOST_TABS = 30
_AXE = Axe()
_FOCUS_SHOWS = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
_FOCUSED_NAME = "(document.activeElement.innerText || '').trim()"
_WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@dataclass
class Person:
    """One person and one tab; `tab` opens another tab of the same browser."""

    context: BrowserContext
    twin_url: str
    pictures: Path
    complaints: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page: Page = self.context.new_page()
        self.page.on("request", lambda request: self.addresses.append(request.url))
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def tab(self) -> "Person":
        return Person(self.context, self.twin_url, self.pictures, self.complaints, self.addresses)

    def secrets(self) -> dict[str, str]:
        """Every code, state and link in an address this browser asked for, and its install cookies."""
        cookies = {c["name"]: c["value"] for c in self.context.cookies() if "hubspot-install" in c["name"]}
        return secrets_in(self.addresses) | cookies

    def opens(self, path: str) -> None:
        self.page.goto(path if "://" in path else self.twin_url + path)

    def follows(self, name: str) -> None:
        self.page.get_by_role("link", name=name).click()

    def chooses(self, account: str) -> None:
        self.reads("Choose an account")
        self.follows(account)

    def allows(self) -> None:
        self.page.get_by_role("button", name="Allow").click()

    def allows_without_waiting(self) -> None:
        self.page.get_by_role("button", name="Allow").evaluate("button => setTimeout(() => button.click())")

    def cancels(self) -> None:
        self.page.get_by_role("button", name="Cancel").click()

    def installs_in(self, account: str) -> None:
        self.opens("/install")
        self.chooses(account)
        self.allows()

    def reads(self, heading: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(heading)

    def reads_code(self, code: str) -> None:
        expect(self.page.locator("footer code")).to_have_text(code)

    def tabs_to(self, name: str) -> None:
        """Reach a link or button with the Tab key alone; its focus must be visible."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if name in str(self.page.evaluate(_FOCUSED_NAME)):
                assert self.page.evaluate(_FOCUS_SHOWS), f"nothing shows that {name} has the focus"
                return
        raise AssertionError(f"the Tab key never reaches {name}")

    def looks(self, name: str) -> None:
        """Look closely: no violation in light or dark, no sideways scrolling on a phone, a picture of each."""
        size = self.page.viewport_size or DESK
        for scheme in SCHEMES:
            self.page.emulate_media(color_scheme=scheme)
            for device, viewport in (("desk", DESK), ("phone", PHONE)):
                self.page.set_viewport_size(viewport)
                assert_accessible(self.page.main_frame, f"{name}, {scheme}, {device}")
                wide, room = self.page.evaluate(_WIDTHS)
                assert wide <= room, f"{name} is {wide} px wide on a {room} px {device}"
                self.page.screenshot(path=self.pictures / f"{name}-{device}-{scheme}.png", full_page=True)
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(size)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with a status" not in message.text:
            self.complaints.append(message.text)


def assert_accessible(frame: Frame, what: str) -> None:
    """Every rule of axe-core holds: WCAG A and AA, and its best practices."""
    found = _AXE.run(frame)
    assert found.violations_count == 0, f"{what}: {found.generate_report()}"
