// A browser for the tests: Chromium without a window, a keyboard, axe, and a scale for bytes on the wire.
//
// Read by run.mjs. It promises that every page that a test comes to is weighed and, where script runs, examined by axe.

import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const places = [process.env.TAMBO_NODE, path.join(here, "../../.tools/node"), here].filter(Boolean);
const place = places.find((folder) => existsSync(path.join(folder, "node_modules/playwright-core"))) ?? here;
const require = createRequire(path.join(place, "package.json"));
const { chromium } = require("playwright-core");
const axeSource = require("axe-core").source;

/** A first flight of ten segments holds about this much after TLS and headers. */
export const FIRST_FLIGHT_BYTES = 13_000;
/** No page of ours has more things to stop at than this. */
const STOPS_MAX = 200;

export const base = (process.env.TAMBO_BASE ?? process.argv[2] ?? "").replace(/\/$/, "");

export async function launch() {
  return chromium.launch({
    executablePath: process.env.TAMBO_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/** Everything that the tests measured, for the report. */
export const measured = { pages: 0, axePages: 0, heaviest: { bytes: 0, path: "" }, violations: [], tooHeavy: [], tooWide: [] };

/** A visitor: a browser context of its own, with or without script. */
export class Visitor {
  static async arrive(browser, { script = true, language = "es", width = 1200, dark = false } = {}) {
    const context = await browser.newContext({
      javaScriptEnabled: script,
      viewport: { width, height: 900 },
      locale: language,
      colorScheme: dark ? "dark" : "light",
      acceptDownloads: true,
      ignoreHTTPSErrors: true,
    });
    const visitor = new Visitor();
    visitor.context = context;
    visitor.script = script;
    visitor.page = await context.newPage();
    visitor.cdp = await context.newCDPSession(visitor.page);
    await visitor.#weigh();
    return visitor;
  }

  /** Weighs each document as it comes over the wire, headers included. */
  async #weigh() {
    const documents = new Map();
    await this.cdp.send("Network.enable");
    this.cdp.on("Network.responseReceived", (event) => {
      const html = event.response.mimeType === "text/html";
      if (event.type === "Document" && html) documents.set(event.requestId, event.response.url);
    });
    this.cdp.on("Network.loadingFinished", (event) => {
      const url = documents.get(event.requestId);
      if (!url) return;
      measured.pages += 1;
      const entry = { bytes: event.encodedDataLength, path: new URL(url).pathname };
      if (entry.bytes > measured.heaviest.bytes) measured.heaviest = entry;
      if (entry.bytes > FIRST_FLIGHT_BYTES) measured.tooHeavy.push(entry);
    });
  }

  async go(place) {
    const response = await this.page.goto(base + place);
    await this.examine();
    return response;
  }

  path() {
    return new URL(this.page.url()).pathname;
  }

  async text() {
    return this.page.innerText("body");
  }

  /** The page as it stands: no wider than the window, and axe finds nothing, whatever its impact. */
  async examine() {
    const [wide, window] = await this.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    if (wide > window) measured.tooWide.push(`${this.path()}: ${wide} px in a window of ${window} px`);
    if (!this.script) return;
    await this.page.evaluate(axeSource);
    const found = await this.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    measured.axePages += 1;
    for (const violation of found.violations) {
      const where = violation.nodes.slice(0, 3).map((node) => node.target.join(" ")).join("; ");
      measured.violations.push(`${this.path()}: ${violation.id} (${violation.impact}) at ${where}`);
    }
  }

  /** Moves with the Tab key until the element that `selector` names has the focus. */
  async tabTo(selector) {
    const wanted = this.page.locator(selector).first();
    await wanted.waitFor({ state: "visible" });
    for (let stop = 0; stop < STOPS_MAX; stop += 1) {
      if (await wanted.evaluate((element) => element === document.activeElement)) return;
      await this.page.keyboard.press("Tab");
    }
    throw new Error(`the keyboard never reaches ${selector} on ${this.path()}`);
  }

  async type(selector, text) {
    await this.tabTo(selector);
    await this.page.keyboard.press("Control+A");
    await this.page.keyboard.type(text);
  }

  /** Picks one of a group of radio buttons: Tab to the group, then the arrows. */
  async pick(name, value) {
    const all = this.page.locator(`input[name="${name}"]`);
    const group = `input[name="${name}"]:checked, input[name="${name}"]`;
    const checked = await all.evaluateAll((inputs) => inputs.some((input) => input.checked));
    await this.tabTo(checked ? `input[name="${name}"]:checked` : group);
    await this.page.keyboard.press("Space");
    for (let step = 0; step < STOPS_MAX; step += 1) {
      const now = await all.evaluateAll((inputs) => inputs.find((input) => input.checked)?.value);
      if (now === value) return;
      await this.page.keyboard.press("ArrowDown");
    }
    throw new Error(`no option ${value} in ${name}`);
  }

  async tick(selector) {
    await this.tabTo(selector);
    await this.page.keyboard.press("Space");
  }

  /** Presses what has been reached with the keyboard and waits for the page that follows. */
  async press(selector) {
    await this.tabTo(selector);
    await Promise.all([this.page.waitForNavigation(), this.page.keyboard.press("Enter")]);
    await this.examine();
  }

  /** Signs in by picking a person of the simulated country. */
  async practise(subject, next = "/") {
    await this.go(`/sign-in?next=${encodeURIComponent(next)}`);
    const button = `li:has(span.code:text-is("${subject}")) button[name="account"]`;
    await this.press(button);
  }

  async signOut() {
    await this.press('form[action="/sign-out"] button');
  }

  async leave() {
    await this.context.close();
  }
}

/** A virtual authenticator that verifies its user: a passkey without a finger. */
export async function authenticator(visitor) {
  await visitor.cdp.send("WebAuthn.enable");
  const { authenticatorId } = await visitor.cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return authenticatorId;
}
