"""The report of the pipeline in a browser: nothing fetched, nothing complained of, every picture shown, at any width.

The browser is Debian's `chromium`; where there is none, these tests are skipped.
"""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.project import Project

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    "--host-resolver-rules=MAP * ~NOTFOUND",  # what the browser itself would ask for
)
NOTHING = re.compile(r"^(data:|file:)")
PROBE = """
<script>
addEventListener("load", () => {
  const box = document.documentElement;
  const wide = [...document.querySelectorAll("body *")].filter(
    (one) => !one.closest(".scroll, svg, .skip") && one.getBoundingClientRect().right > innerWidth + 0.5);
  parent.postMessage(JSON.stringify({
    pictures: [...document.images].map((image) => [image.complete, image.naturalWidth, image.clientWidth]),
    resources: performance.getEntriesByType("resource").map((entry) => entry.name),
    width: innerWidth,
    needed: box.scrollWidth,
    wide: wide.map((one) => one.tagName),
    scheme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
    page: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
  }), "*");
});
</script>
"""
FRAME = """<!DOCTYPE html><title></title>
<script>addEventListener("message", (event) => { document.title = event.data; });</script>
<iframe src="probe.html" style="width: WIDTHpx; height: 900px; border: 0"></iframe>
"""  # a window cannot be as narrow as 400 pixels

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: on Debian and Ubuntu, apt install chromium")


@dataclass(frozen=True)
class Visit:
    """What the browser made of a page: the document, its complaints, and the addresses it asked for."""

    document: str
    console: list[str]
    requests: list[str]


def visit(page: Path, scratch: Path, *flags: str) -> Visit:
    log = scratch / "net.json"
    command = [
        *(str(BROWSER), *FLAGS, f"--user-data-dir={scratch / 'profile'}", f"--log-net-log={log}"),
        *("--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom", *flags, page.as_uri()),
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    console = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
    events = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    own = {event["url"] for event in events if event.get("network_isolation_key", "").startswith("file:")}
    return Visit(result.stdout, console, sorted(address for address in own if not NOTHING.match(address)))


def probed(page: Path, scratch: Path, width: int, *flags: str) -> dict[str, Any]:
    """What a script in a copy of the page, let in by its policy, finds in a frame of that width."""
    html = page.read_text().replace("default-src 'none'", "script-src 'unsafe-inline'")
    assert html.count("script-src") == 1
    (scratch / "probe.html").write_text(html.replace("</body>", f"{PROBE}</body>"))
    (scratch / "frame.html").write_text(FRAME.replace("WIDTH", str(width)))
    document = visit(scratch / "frame.html", scratch, "--window-size=1300,1000", *flags).document
    title = re.search(r"<title>(.+?)</title>", document)
    assert title, document[:500]
    return dict(json.loads(title[1].replace("&quot;", '"')))


@pytest.fixture(scope="module")
def page(reproduced: Project) -> Path:
    return reproduced.root / "plots/report.html"


def test_nothing_is_fetched_and_nothing_complained_of(page: Path, tmp_path: Path) -> None:
    seen = visit(page, tmp_path)
    assert "Does it over- or underfit?" in seen.document
    assert seen.console == []
    assert seen.requests == []


def test_these_checks_would_notice(page: Path, tmp_path: Path) -> None:
    """A page that asks for a picture elsewhere is caught at it twice: by its own policy, and where it has none."""
    asking = tmp_path / "asking.html"
    asking.write_text(page.read_text().replace("</main>", '<img src="http://localhost:1/a.png" alt=""></main>'))
    assert "Content Security Policy" in visit(asking, tmp_path).console[0]
    asking.write_text('<!DOCTYPE html><title>a</title><img src="http://localhost:1/a.png" alt="">')
    assert visit(asking, tmp_path).requests == ["http://localhost:1/a.png"]


@pytest.mark.parametrize("width", [400, 1200])
def test_every_picture_is_shown_and_nothing_is_wider_than_the_window(width: int, page: Path, tmp_path: Path) -> None:
    seen = probed(page, tmp_path, width)
    assert seen["width"] == width
    assert len(seen["pictures"]) == len(list((page.parent / "images").glob("*.png"))) == 11
    for complete, natural, shown in seen["pictures"]:
        assert complete and natural > 0 and shown > 300
    assert all(NOTHING.match(name) for name in seen["resources"])
    assert seen["needed"] <= width
    assert seen["wide"] == []


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)`, as WCAG 2 defines it."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("scheme", "setting"), [("dark", 0), ("light", 1)])
def test_light_and_dark_are_both_readable(scheme: str, setting: int, page: Path, tmp_path: Path) -> None:
    seen = probed(page, tmp_path, 800, f"--blink-settings=preferredColorScheme={setting}")
    assert seen["scheme"] == scheme
    dark, light = sorted(map(luminance, (seen["page"], seen["ink"])))
    assert (light + 0.05) / (dark + 0.05) > 7  # WCAG 2, level AAA
    assert (luminance(seen["page"]) < 0.1) == (scheme == "dark")


def test_a_window_shot_is_not_empty(page: Path, tmp_path: Path) -> None:
    """The screenshots a person looks at."""
    from matplotlib.image import imread

    for width in (400, 1200):
        visit(page, tmp_path, f"--window-size={width},2000", f"--screenshot={tmp_path / f'{width}.png'}")
        shot = imread(tmp_path / f"{width}.png")
        assert shot.shape[1] == width
        assert (shot[..., 0].std(axis=1) > 0).mean() > 0.5  # of its lines, those with something on them
