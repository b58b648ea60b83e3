#!/usr/bin/env python3
"""The report's HTML page in a real browser. `make test-ui` runs it.

usage: ui.py FLOWDEX [SCREENSHOT_FOLDER]

Shows, in headless Chromium, at desktop and phone width, light and dark: that nothing lies outside the page, that it
works by keyboard, that it prints, that a run of 5,000 tasks opens; and, with a run whose workers wrote hostile text,
that no script runs and nothing is fetched. The same text as markup does both, which shows that the probe can fail.
Prints `N passed, N failed` at its end. With a second argument it leaves its screenshots there.
"""

import http.server
import os
import re
import shutil
import sys
import tempfile
import threading
import time

import project
from browser import Browser

FAILURES = []
PASSED = 0


def check(what, found):
    """`found` is empty or false when all is well; anything else is what went wrong."""
    global PASSED
    if found:
        FAILURES.append(what)
        print(f"not ok: {what}: {str(found)[:600]}", flush=True)
    else:
        PASSED += 1
        print(f"ok: {what}", flush=True)


class Trap(http.server.ThreadingHTTPServer):
    """Where anything that is fetched arrives."""

    def __init__(self):
        hits = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                hits.append(self.path)
                self.send_error(404)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.hits = hits
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


def probe(browser, trap, page, naked):
    """Hostile text is only text; the same bytes as markup are not."""
    trap.hits.clear()
    browser.shape(1280, 900)
    asked, _ = browser.open(f"file://{naked}")
    title = browser.evaluate("document.title")
    check("the probe can fail: as markup, the text runs", title != "OWNED" and title)
    check("the probe can fail: as markup, the text fetches", not trap.hits and "nothing arrived")
    trap.hits.clear()
    asked, said = browser.open(f"file://{page}")
    # Everything is opened, hovered and focused, so that a handler that had come in would run.
    browser.evaluate(
        "for (const each of document.querySelectorAll('details')) each.open = true;"
        "for (const each of document.querySelectorAll('*')) { each.dispatchEvent(new MouseEvent('mouseover'));"
        " each.dispatchEvent(new Event('focus')); }")
    check("no script runs", "OWNED" in browser.evaluate("document.title")[:5] and browser.evaluate("document.title"))
    check("the title is the run's", "hostile" not in browser.evaluate("document.title"))
    names = set(browser.evaluate("[...document.querySelectorAll('*')].map(each => each.localName)"))
    check("there is no element but those of the page", names & {
        "script", "img", "iframe", "object", "embed", "link", "base", "form", "video", "audio"})
    check("there is one style sheet", browser.evaluate("document.styleSheets.length") != 1)
    check("no element has a handler or a style of its own", browser.evaluate(
        "[...document.querySelectorAll('*')].flatMap(each => each.getAttributeNames())"
        ".filter(name => name.startsWith('on') || name === 'style' || name === 'src')"))
    check("links stay within the page", browser.evaluate(
        "[...document.querySelectorAll('a')].map(each => each.getAttribute('href'))"
        ".filter(href => !href.startsWith('#'))"))
    check("nothing is fetched", trap.hits or [url for url in asked if url != f"file://{page}"])
    check("the browser has no complaint", said)
    text = browser.evaluate("document.body.textContent")
    check("what was written is there to read", [
        line for line in project.HOSTILE[:3] if line.replace("TRAP", trap.url) not in text])
    check("what turns the direction of writing is shown as what it is",
          ("\u202e" in text or "\\u202e" not in text) and "U+202E")


def looks(browser, page, name, shots):
    """Both widths, both schemes: nothing sticks out, and text can be told from its ground."""
    for width, height, device in ((1280, 900, "desktop"), (390, 844, "phone")):
        for scheme in ("light", "dark"):
            browser.shape(width, height, scheme)
            browser.open(f"file://{page}")
            where = f"{name}, {device}, {scheme}"
            check(f"{where}: nothing sticks out", browser.evaluate(
                "document.documentElement.scrollWidth > innerWidth &&"
                " [...document.querySelectorAll('body *')].filter(each => each.getBoundingClientRect().right > innerWidth + 1)"
                ".slice(0, 5).map(each => each.outerHTML.slice(0, 120))"))
            colours = browser.evaluate(
                "[document.body, document.querySelector('h1 .tag'), document.querySelector('.soft')].map(each =>"
                " getComputedStyle(each).color)") + [browser.evaluate("getComputedStyle(document.body).backgroundColor")]
            light = [luminance(colour) for colour in colours]
            ratios = [(max(one, light[3]) + .05) / (min(one, light[3]) + .05) for one in light[:3]]
            check(f"{where}: text has a contrast of 4.5 at least (WCAG 2.2, 1.4.3)", min(ratios) < 4.5 and ratios)
            check(f"{where}: the scheme is the reader's", (light[3] > .5) != (scheme == "light"))
            browser.screenshot(f"{shots}/{name}-{device}-{scheme}.png")
            browser.evaluate("document.querySelector('#claims').scrollIntoView();"
                             "for (const each of [...document.querySelectorAll('.claim details')].slice(0, 3)) each.open = true;")
            browser.screenshot(f"{shots}/{name}-{device}-{scheme}-claims.png")
            browser.evaluate("document.querySelector('#timeline').scrollIntoView();"
                             "document.querySelector('.track').open = true;")
            browser.screenshot(f"{shots}/{name}-{device}-{scheme}-timeline.png")


def luminance(colour):
    """Relative luminance as WCAG defines it, of `rgb(r, g, b)`."""
    channels = [int(float(part)) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
    r, g, b = [part / 12.92 if part <= .04045 else ((part + .055) / 1.055) ** 2.4 for part in channels]
    return .2126 * r + .7152 * g + .0722 * b


def keyboard(browser, page):
    """Tab reaches what can be opened, and Enter opens it."""
    browser.shape(1280, 900)
    browser.open(f"file://{page}")
    browser.press("Tab", "Tab")
    check("the first Tab offers to skip the head", browser.evaluate("document.activeElement.className") != "skip")
    for _ in range(400):
        if browser.evaluate("document.activeElement.closest('.claim') !== null"):
            break
        browser.press("Tab", "Tab")
    browser.press("Enter", "Enter", "\r")
    check("Enter opens a claim's evidence", not browser.evaluate(
        "document.activeElement.localName === 'summary' && document.activeElement.parentElement.open"))
    check("what has the focus is outlined", browser.evaluate(
        "getComputedStyle(document.activeElement).outlineStyle") == "none")
    browser.evaluate("document.querySelector('#only-marked').click()")
    shown = browser.evaluate("[...document.querySelectorAll('.track')].filter(each => each.checkVisibility()).length")
    marked = browser.evaluate("document.querySelectorAll('.track.is-marked').length")
    check("the timeline can be narrowed to what was refused", shown != marked and (shown, marked))


def prints(browser, page, shots):
    browser.shape(1280, 900)
    browser.open(f"file://{page}")
    pdf = browser.pdf()
    with open(f"{shots}/hostile.pdf", "wb") as file:
        file.write(pdf)
    browser.shape(1280, 900, media="print")
    check("in print, evidence is open and the navigation is gone", browser.evaluate(
        "document.querySelector('nav').checkVisibility() ||"
        " !document.querySelector('.claim pre').checkVisibility({contentVisibilityAuto: true})"))
    check("it prints on more than one sheet", len(re.findall(rb"/Type\s*/Page\b", pdf)) < 2 and len(pdf))


def main():
    flowdex = os.path.abspath(sys.argv[1])
    scratch = os.path.realpath(tempfile.mkdtemp(prefix="flowdex-ui-"))
    shots = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else scratch
    os.makedirs(shots, exist_ok=True)
    started = time.monotonic()
    try:
        trap = Trap()
        work = project.Project(flowdex, f"{scratch}/project")
        page = f"{scratch}/hostile.html"
        text = work.page(project.hostile(work, trap.url), page)
        naked = f"{scratch}/naked.html"
        with open(naked, "w", encoding="utf-8") as file:
            # A page that leads elsewhere at once could not be asked what it did.
            lines = [line for line in project.HOSTILE if "refresh" not in line]
            file.write("<!doctype html><meta charset=utf-8>" + "\n".join(lines).replace("TRAP", trap.url))
        # A page that is nothing but the harmless, to look at, comes from the large run.
        big = f"{scratch}/large.html"
        size = len(work.page(project.large(work, 5000), big))
        with Browser() as browser:
            probe(browser, trap, page, naked)
            looks(browser, page, "hostile", shots)
            keyboard(browser, page)
            prints(browser, page, shots)
            before = time.monotonic()
            browser.open(f"file://{big}")
            seconds = time.monotonic() - before
            check("a run of 5,000 tasks opens", browser.evaluate("document.querySelectorAll('.track').length") != 5000)
            print(f"   {size / 1e6:.1f} MB, open after {seconds:.1f} s")
            looks(browser, big, "large", shots)
        check("the policy is in the page", "default-src &#39;none&#39;" not in text)
    finally:
        # Snapshots are read-only, their folders too.
        os.system(f"chmod -R u+w '{scratch}'")
        if "FLOWDEX_KEEP_SCRATCH" not in os.environ:
            shutil.rmtree(scratch, ignore_errors=True)
    print(f"in {time.monotonic() - started:.0f} s")
    print(f"{PASSED} passed, {len(FAILURES)} failed")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
