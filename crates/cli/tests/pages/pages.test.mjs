// The pages of the demo in a real browser: at the width of a phone and of a desk, in light and dark, with a script and
// without, by keyboard alone. `make test-pages` builds the demo and runs this; CHROMIUM names another browser.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const DEMO = process.env.DEVPROOF_DEMO ?? `${ROOT}target/debug/examples/demo`;

let demo, browser, site, product, rival, version;

const get = async (path) => (await fetch(site + path)).json();

before(async () => {
  const PATH = `${ROOT}node_modules/.bin:${process.env.PATH}`;
  demo = spawn(DEMO, [], { env: { ...process.env, PATH }, stdio: ["ignore", "pipe", "pipe"] });
  site = await new Promise((resolve, reject) => {
    let said = "";
    const hear = (data) => {
      said += data;
      const found = said.match(/for people:\s+(http:\/\/127\.0\.0\.1:\d+)\/\s[\s\S]*REST, for programs/);
      if (found) resolve(found[1]);
    };
    demo.stdout.on("data", hear);
    demo.stderr.on("data", hear);
    demo.on("exit", (code) => reject(new Error(`the demo ended with ${code}:\n${said}`)));
  });
  const { apps } = await get("/v1/chains/31337/apps");
  product = apps.find((app) => app.code.kind === "app_auth").app;
  rival = apps.find((app) => app.code.kind === "dstack_app").app;
  version = (await get(`/v1/chains/31337/apps/${product}/at/finalized?finality=unsafe`)).authorised[0].composeHash;
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
}, { timeout: 120_000 });

after(async () => {
  await browser?.close();
  demo?.removeAllListeners("exit");
  demo?.kill("SIGTERM");
});

const paths = () => [
  "/",
  "/apps",
  "/changes",
  "/about",
  "/deletions",
  "/search?q=acme",
  "/search?q=0x0000000000000000000000000000000000000001",
  "/families/acme-gateway",
  `/chains/31337/apps/${product}`,
  `/chains/31337/apps/${product}?at=20`,
  `/chains/31337/apps/${product}/history`,
  `/chains/31337/apps/${rival}`,
  `/chains/31337/versions/${version}`,
];

/// A page that notes down what a page should not do.
const open = async (context, path) => {
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) wrong.push(`console: ${message.text()}`); });
  page.on("pageerror", (error) => wrong.push(`script: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${site}/`)) wrong.push(`foreign request: ${request.url()}`);
  });
  const reply = await page.goto(site + path, { waitUntil: "networkidle" });
  assert.equal(reply.status(), 200, path);
  return { page, wrong };
};

for (const [width, colorScheme] of [[390, "light"], [390, "dark"], [1440, "light"], [1440, "dark"]]) {
  test(`every page is whole at ${width} pixels, ${colorScheme}`, async () => {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, timezoneId: "Asia/Tokyo" });
    for (const path of paths()) {
      const { page, wrong } = await open(context, path);
      const aside = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(aside, 0, `${path} scrolls sideways by ${aside} pixels`);
      // Run beside the page, whose own policy lets no foreign script in.
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
      const said = violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.target).join(", ")}`);
      assert.deepEqual(said, [], path);
      assert.deepEqual(wrong, [], path);
      await page.close();
    }
    await context.close();
  });
}

test("on a phone nobody has to look aside for what a sighting proves", async () => {
  const context = await browser.newContext({ viewport: { width: 390, height: 900 } });
  const { page } = await open(context, `/chains/31337/apps/${product}`);
  const cells = await page.$$eval("section[aria-labelledby=observed] td", (all) => all.map((it) => {
    const { left, right } = it.getBoundingClientRect();
    return { left, right, text: it.innerText };
  }));
  assert.ok(cells.some((it) => it.text.includes("test, proves nothing")), "the demo has sightings");
  for (const { left, right, text } of cells) assert.ok(left >= 0 && right <= 390, `${text} ends at ${right}`);
  await context.close();
});

test("a page says the same without a script", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 390, height: 900 } });
  const { page } = await open(context, `/chains/31337/apps/${product}`);
  const text = await page.innerText("main");
  assert.match(text, /can change only after 14 days of public notice/);
  assert.match(text, /A new version was announced on 2\d \w+ 20\d\d, \d\d:\d\d UTC/);
  assert.match(text, /in 9 d 23 h/);
  await page.fill("#at", "20");
  await page.click('#then button');
  assert.match(page.url(), /[?]at=20$/);
  assert.match(await page.innerText("#then"), /What was allowed at this moment/);
  await context.close();
});

test("times are those of the reader, and the exact one is on hover", async () => {
  const context = await browser.newContext({ timezoneId: "Asia/Tokyo" });
  const { page } = await open(context, `/chains/31337/apps/${product}`);
  const time = page.locator(".answer time").first();
  const [text, title, exact] = [await time.innerText(), await time.getAttribute("title"), await time.getAttribute("datetime")];
  assert.match(text, /GMT[+]9$/);
  assert.equal(title, `${exact.replace("T", " ").replace("Z", "")} UTC`);
  const hours = (new Date(exact).getUTCHours() + 9) % 24;
  assert.ok(text.includes(`, ${String(hours).padStart(2, "0")}:`), `${text} for ${exact}`);
  await context.close();
});

test("nothing moves while a notice counts down", async () => {
  const context = await browser.newContext({ viewport: { width: 390, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    window.shifts = [];
    new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((it) => it.value)))
      .observe({ type: "layout-shift", buffered: true });
  });
  // A clock of our own, so that a minute and a day pass in a moment.
  await page.clock.install({ time: new Date() });
  await page.goto(`${site}/`, { waitUntil: "networkidle" });
  const before = await page.innerText(".count");
  await page.evaluate(() => { window.shifts.length = 0; });
  for (const step of ["00:10", "02:00", "01:00:00", "30:00:00"]) {
    await page.clock.runFor(step);
    await page.waitForTimeout(150);
  }
  assert.notEqual(await page.innerText(".count"), before);
  assert.deepEqual(await page.evaluate(() => window.shifts), []);
  await context.close();
});

test("by keyboard alone any moment can be reached, and the address names it", async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const { page, wrong } = await open(context, `/chains/31337/apps/${product}`);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  let found = false;
  for (let n = 0; n < 60 && !found; n++) {
    await page.keyboard.press("Tab");
    found = await page.evaluate(() => document.activeElement.type === "range");
  }
  assert.ok(found, "the ruler can be reached");
  const now = await page.innerText("#then-title");
  await page.keyboard.press("Home");
  for (let n = 0; n < 3; n++) await page.keyboard.press("PageUp");
  await page.waitForFunction((now) => document.getElementById("then-title").innerText !== now, now);
  assert.equal(await page.innerText("#then-title"), "What was allowed at this moment");
  const address = new URL(page.url());
  assert.match(address.searchParams.get("at"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const shown = await page.innerText("#then table");
  // Whoever is given the address sees the same.
  const { page: other } = await open(context, address.pathname + address.search);
  assert.equal(await other.innerText("#then table"), shown);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a commitment is computed in the browser, and what it hides is never sent", async () => {
  const context = await browser.newContext();
  const { page, wrong } = await open(context, "/deletions");
  const sent = [];
  page.on("request", (request) => sent.push(`${request.url()} ${request.postData() ?? ""}`));
  // The vector of the contract's interface.
  await page.evaluate(() => {
    const [app, user, salt] = ["app", "user", "salt"].map((name) => document.getElementById(`lookup-${name}`));
    [app.value, user.value, salt.value] = ["0x00000000000000000000000000000000DeaDBeef", "alice", `0x${"01".repeat(32)}`];
  });
  await Promise.all([page.waitForNavigation(), page.click("#lookup button")]);
  assert.equal(new URL(page.url()).searchParams.get("commitment"), "0xd613492ea827969f863a0aa45917a4b89ddf13e2830fa9933dbb77ec3b364932");
  assert.match(await page.innerText("#content"), /No deletion is recorded for this commitment/);
  assert.ok(sent.length > 0 && sent.every((it) => !/alice|0101010101/i.test(it)), sent.join("\n"));

  const { deletion } = (await get(`/v1/chains/31337/changes?app=${product}&limit=1000`)).changes
    .find((it) => it.deletion?.kind === "single");
  await page.fill("#commitment", deletion.statement.deletions[0].userIdHash);
  await Promise.all([page.waitForNavigation(), page.click("form:not(#lookup) > button:has-text('Look it up')")]);
  const text = await page.innerText("#content");
  assert.match(text, /signed on .* that the data behind this commitment was deleted/);
  assert.match(text, /cannot show that no copy exists/);

  await page.goto(`${site}/deletions`);
  await page.fill("#lookup-app", "0x12");
  await page.fill("#lookup-user", "a");
  await page.fill("#lookup-salt", "0x12");
  await page.click("#lookup button");
  assert.equal(await page.innerText("[role=alert]"), "The app id is 0x and 40 hexadecimal digits.");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a first view is light and quick", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  let bytes = 0;
  session.on("Network.loadingFinished", (it) => { bytes += it.encodedDataLength; });
  for (const path of ["/", `/chains/31337/apps/${product}`]) {
    bytes = 0;
    await page.goto(site + path, { waitUntil: "networkidle" });
    assert.ok(bytes > 0 && bytes < 100_000, `${path} takes ${bytes} bytes`);
  }
  await context.close();
});
