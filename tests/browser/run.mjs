// Drives a running demo as a citizen and as officials do, by keyboard alone.
//
//   TAMBO_BASE=http://localhost:8080 node run.mjs
//
// Ends with status 0 if every journey arrived, axe found nothing on any page, and no page was heavier than a first flight.

import assert from "node:assert/strict";
import { authenticator, base, FIRST_FLIGHT_BYTES, launch, measured, Visitor } from "./browser.mjs";

// People of the simulated country; see town/src/stories.rs.
const ROSA = "99000011";
const ROSA_RUC = "20999000011";
const SATURNINA = "99000044";
const ELENA = "99000033";
const JULIAN = "99000022";
const OFFICIALS = ["99000101", "99000112", "99000123"];
const PROCEDURE = "/procedures/licencia-de-funcionamiento";
const PDF = Buffer.from(
  "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
);
const NEXT = 'main form button.btn[type="submit"]:not([name])';

if (!base) {
  console.error("name the demo's address: TAMBO_BASE=http://localhost:8080 node run.mjs");
  process.exit(2);
}

const journeys = [];
const journey = (title, walk) => journeys.push({ title, walk });
const stepOf = (visitor) => visitor.path().split("/").pop();

/** The check digit of a RUC 10, as SUNAT reckons it. */
function ownRuc(dni) {
  const body = `10${dni}`;
  const sum = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2].reduce((total, weight, at) => total + weight * Number(body[at]), 0);
  return body + String((11 - (sum % 11)) % 10);
}

async function begin(visitor) {
  await visitor.go(PROCEDURE);
  const resume = await visitor.page.locator(`a.btn[href="${PROCEDURE}/form"]`).count();
  await visitor.press(resume ? `a.btn[href="${PROCEDURE}/form"]` : `form[action="${PROCEDURE}/start"] button`);
}

/** Fills the form from wherever it stands to the check-answers page. */
async function fill(visitor, { holder, ruc, activity, files }) {
  for (let page = 0; page < 20 && stepOf(visitor) !== "check"; page += 1) {
    const step = stepOf(visitor);
    if (step === "holder") {
      await visitor.pick("holder", holder);
      await visitor.type('[name="ruc"]', ruc);
    } else if (step === "business") {
      await visitor.type('[name="trade-name"]', "Sumaq Mikhuna");
      await visitor.pick("activity", activity);
      await visitor.type('[name="area"]', "85");
      await visitor.type('[name="floors"]', "1");
      await visitor.type('[name="capacity"]', "40");
    } else if (step === "place") {
      await visitor.type('[name="place-address"]', "Calle del Medio 105");
      await visitor.pick("place-tenure", "rented");
      await visitor.pick("monument", "no");
    } else if (step === "safety" && files) {
      for (const name of ["floor-plan", "safety-plan"]) {
        const file = { name: `${name}.pdf`, mimeType: "application/pdf", buffer: PDF };
        await visitor.page.setInputFiles(`[name="${name}"]`, file);
      }
    }
    for (const box of await visitor.page.locator('main input[type="checkbox"]:not(:checked)').all()) {
      await visitor.tick(`[name="${await box.getAttribute("name")}"]`);
    }
    await visitor.press(NEXT);
    assert.notEqual(stepOf(visitor), step, `the step ${step} was not accepted: ${await visitor.text()}`);
  }
}

async function file(visitor) {
  await visitor.press(NEXT);
  assert.match(visitor.path(), /^\/cases\/[0-9A-Z]{26}\/receipt$/);
  return visitor.path().split("/")[2];
}

/** Reloads until `found` holds; papers and facts come from jobs that run beside the pages. */
async function until(visitor, place, found, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    await visitor.page.goto(base + place);
    if (await found(visitor.page)) return visitor.examine();
    await new Promise((wait) => setTimeout(wait, 500));
  }
  throw new Error(`${place} did not become ready in ${seconds} s: ${await visitor.text()}`);
}

/** Officials take the case from the reception to the decision, each doing what their post may do. */
async function decide(browser, id, act) {
  for (const subject of OFFICIALS) {
    const official = await Visitor.arrive(browser);
    await official.practise(subject, "/desk");
    const place = `/desk/${id}`;
    const response = await official.page.goto(base + place);
    if (response.status() === 200) {
      await official.examine();
      for (const simple of ["receive", "evaluate"]) {
        const button = `form[action="${place}/${simple}"] button`;
        if (await official.page.locator(button).count()) await official.press(button);
      }
      const form = `form[action="${place}/${act}"]`;
      if (await official.page.locator(form).count()) {
        await until(official, place, async (page) => (await page.locator("main em").count()) === 0);
        await official.tabTo(`details:has(${form}) > summary`);
        await official.page.keyboard.press("Enter");
        await official.type(`${form} textarea`, "Cumple los requisitos de la Ley 28976.");
        await official.press(`${form} button.btn`);
        await official.leave();
        return;
      }
    }
    await official.leave();
  }
  throw new Error(`no official could ${act} the case`);
}

journey("the public pages, in three languages, wide, narrow and dark", async (browser) => {
  for (const [width, dark] of [[1200, false], [360, false], [360, true]]) {
    const visitor = await Visitor.arrive(browser, { width, dark });
    for (const language of ["es", "qu", "en"]) {
      for (const place of ["/", "/procedures", PROCEDURE, "/verify", "/sign-in"]) {
        await visitor.go(`${place}?lang=${language}`);
        assert.equal(await visitor.page.getAttribute("html", "lang"), language);
      }
    }
    await visitor.leave();
  }
});

journey("a citizen opens a restaurant: from the form to a signed resolution that anybody verifies", async (browser) => {
  const rosa = await Visitor.arrive(browser);
  await rosa.practise(ROSA, PROCEDURE);
  await begin(rosa);
  assert.match(await rosa.text(), /Rosa Quispe Mamani/, "the identity registry's answer is on the first page");
  await fill(rosa, { holder: "firm", ruc: ROSA_RUC, activity: "restaurante" });
  assert.match(await rosa.text(), /SUMAQ MIKHUNA E\.I\.R\.L\./, "the tax registry's answer is on the check page");
  const id = await file(rosa);
  const receipt = await rosa.text();
  assert.match(receipt, /EXP-\d{6}-\d{4}/);
  const shown = await rosa.page.locator('main a[href*="/receipts/"]').getAttribute("href");
  await rosa.go("/cases");
  await decide(browser, id, "grant");
  await until(rosa, `/cases/${id}`, async (page) => (await page.locator('main a[href^="/verify/"]').count()) > 1);
  const code = await rosa.page.locator('main a[href^="/verify/"]').last().getAttribute("href");
  const papers = await rosa.page.locator('main a[href^="/documents/"]').evaluateAll((links) => links.map((a) => a.href));
  const pdf = await rosa.context.request.get(papers.at(-1));
  assert.equal((await pdf.body()).subarray(0, 5).toString(), "%PDF-");
  await rosa.go("/my-data");
  assert.ok((await rosa.page.locator("ol.list > li").count()) > 0, "somebody asked about Rosa, and she sees it");
  const anybody = await Visitor.arrive(browser);
  await anybody.go(code);
  assert.equal(await anybody.page.locator(".n.good, .tag.good").first().isVisible(), true);
  const receiptCode = shown.split("/").pop();
  for (const place of [`/receipts/${receiptCode}`, `/verify/${receiptCode}`]) {
    await anybody.go(place);
    assert.ok(await anybody.page.locator(".n.good, .tag.good").count(), `${place} says that it is genuine`);
  }
  assert.doesNotMatch(await (await anybody.go(`/receipts/${receiptCode}`)).text(), /Rosa/, "no names for the public");
  await anybody.leave();
  await rosa.leave();
});

journey("in Quechua and without script: files, a wrong number, and an observation that is answered", async (browser) => {
  const saturnina = await Visitor.arrive(browser, { script: false, language: "qu", width: 360 });
  await saturnina.practise(SATURNINA, `${PROCEDURE}?lang=qu`);
  await begin(saturnina);
  await saturnina.press(NEXT);
  await saturnina.pick("holder", "self");
  await saturnina.type('[name="ruc"]', `${ownRuc(SATURNINA).slice(0, 10)}${(Number(ownRuc(SATURNINA)[10]) + 1) % 10}`);
  await saturnina.press(NEXT);
  assert.equal(await saturnina.page.getAttribute('[name="ruc"]', "aria-invalid"), "true");
  assert.match(await saturnina.page.title(), /^Pantasqa: /);
  await fill(saturnina, { holder: "self", ruc: ownRuc(SATURNINA), activity: "discoteca", files: true });
  const id = await file(saturnina);
  await decide(browser, id, "observe");
  await until(saturnina, `/cases/${id}`, async (page) => (await page.locator('textarea[name="text"]').count()) > 0);
  await saturnina.press(NEXT);
  assert.ok(await saturnina.page.locator(".err").count(), "an empty answer is told in its place");
  await saturnina.type('textarea[name="text"]', "Kaymi planota apachimuni.");
  await saturnina.press(NEXT);
  assert.equal(await saturnina.page.locator('textarea[name="text"]').count(), 0);
  await saturnina.leave();
});

journey("sent twice is one case; a session that ends loses nothing that was typed", async (browser) => {
  const elena = await Visitor.arrive(browser, { language: "qu", width: 360 });
  await elena.practise(ELENA, PROCEDURE);
  await begin(elena);
  await elena.press(NEXT);
  await elena.pick("holder", "self");
  await elena.type('[name="ruc"]', ownRuc(ELENA));
  const cookies = (await elena.context.cookies()).filter((cookie) => !cookie.name.endsWith("-session"));
  await elena.context.clearCookies();
  await elena.context.addCookies(cookies);
  await elena.press(NEXT);
  assert.equal(elena.path(), "/sign-in");
  await elena.press(`li:has(span.code:text-is("${ELENA}")) button[name="account"]`);
  assert.equal(await elena.page.inputValue('[name="ruc"]'), ownRuc(ELENA));
  await fill(elena, { holder: "self", ruc: ownRuc(ELENA), activity: "artesania" });
  const action = await elena.page.getAttribute("main form", "action");
  const fields = await elena.page.locator("main form input").evaluateAll((inputs) => inputs.map((i) => [i.name, i.value]));
  const send = () => elena.context.request.post(base + action, { form: Object.fromEntries(fields) });
  const [first, second] = await Promise.all([send(), send()]);
  assert.equal(first.status(), 200);
  assert.equal(first.url(), second.url(), "the same receipt");
  await elena.leave();
});

journey("a passkey is added, and signs in", async (browser) => {
  const rosa = await Visitor.arrive(browser);
  await authenticator(rosa);
  await rosa.practise(ROSA, "/account");
  await rosa.type('[name="label"]', "Mi celular");
  const keys = rosa.page.locator('form[action="/account/passkeys/remove"]');
  const before = await keys.count();
  await rosa.press('form:has([name="label"]) button[type="submit"]');
  await rosa.page.waitForLoadState();
  assert.equal(await keys.count(), before + 1);
  await rosa.signOut();
  await rosa.go("/sign-in?next=/account");
  await rosa.press('section:has(#passkey) button[type="submit"]');
  assert.equal(rosa.path(), "/account");
  await rosa.leave();
});

// Last, because it moves the country's clock.
journey("nobody decides: the law's clock grants by itself, and says so under seal", async (browser) => {
  const julian = await Visitor.arrive(browser, { dark: true });
  await julian.practise(JULIAN, PROCEDURE);
  await begin(julian);
  await fill(julian, { holder: "self", ruc: ownRuc(JULIAN), activity: "taller" });
  const id = await file(julian);
  await until(julian, `/cases/${id}`, async (page) => (await page.locator('main a[href^="/documents/"]').count()) > 0);
  const papers = await julian.page.locator('main a[href^="/documents/"]').count();
  await julian.go("/demo");
  await julian.press('form[action="/demo/clock"] button[value="30"]');
  // A month has passed and with it the session: the person signs in again, as anybody would.
  await julian.practise(JULIAN, "/cases");
  const silence = async (page) => (await page.locator('main a[href^="/documents/"]').count()) > papers;
  await until(julian, `/cases/${id}`, silence, 60);
  assert.match(await julian.text(), /silencio positivo/i);
  await julian.leave();
});

const wanted = process.env.TAMBO_JOURNEY;
const browser = await launch();
let failed = 0;
for (const { title, walk } of journeys.filter(({ title }) => !wanted || title.includes(wanted))) {
  const start = Date.now();
  try {
    await walk(browser);
    console.log(`ok      ${title} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${title}\n${error.stack}`);
  }
}
await browser.close();

const { pages, axePages, heaviest, violations, tooHeavy, tooWide } = measured;
console.log(`${pages} pages weighed, the heaviest ${heaviest.bytes} bytes (${heaviest.path}), limit ${FIRST_FLIGHT_BYTES}`);
console.log(`${axePages} pages examined by axe, ${violations.length} violations`);
for (const line of new Set(violations)) console.log(`  axe: ${line}`);
for (const { bytes, path } of tooHeavy) console.log(`  too heavy: ${path} ${bytes} bytes`);
for (const line of new Set(tooWide)) console.log(`  too wide: ${line}`);
process.exit(failed || violations.length || tooHeavy.length || tooWide.length ? 1 : 0);
