// Opens a page in headless Chromium, light and dark, and fails on a console message, a request, a
// script, or anything that axe-core says against it. Writes a screenshot of what a reader sees.
//
//     node look.mjs MODULES PAGE SCREENSHOT
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

const [modules, page, screenshot] = process.argv.slice(2);
const require = createRequire(resolve(modules, "package.json"));
const { default: puppeteer } = await import(pathToFileURL(require.resolve("puppeteer-core")).href);
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const address = pathToFileURL(resolve(page)).href;
const faults = [];
/** How long a step may take on a busy machine, in milliseconds. */
const PATIENCE = 300_000;

/** Looks at the page in one colour scheme and at one width. */
async function look(browser, scheme, width, picture) {
  const name = `${scheme}, ${width} pixels`;
  const tab = await browser.newPage();
  await tab.setViewport({ width, height: 900 });
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  tab.on("console", (message) => faults.push(`${name}: console: ${message.text()}`));
  tab.on("pageerror", (error) => faults.push(`${name}: error: ${error.message}`));
  const requests = [];
  tab.on("request", (request) => requests.push(request.url()));
  await tab.goto(address, { waitUntil: "networkidle0", timeout: PATIENCE });
  const others = requests.filter((url) => url !== address);
  if (others.length > 0) faults.push(`${name}: requests: ${others.join(" ")}`);
  const seen = await tab.evaluate(() => ({
    ground: getComputedStyle(document.body).backgroundColor,
    ladders: document.querySelectorAll("figure.ladder svg").length,
    tables: document.querySelectorAll("table").length,
    scripts: document.querySelectorAll("script").length,
    wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    cut: [...document.querySelectorAll("figure svg")].filter((svg) => {
      const { x, y, width, height } = svg.getBBox();
      const box = svg.viewBox.baseVal;
      return x < 0 || y < 0 || x + width > box.width + 1 || y + height > box.height + 1;
    }).length,
    nested: document.querySelectorAll(":is(line, path, circle, rect) > *").length,
    unseen: [...document.querySelectorAll("svg :is(text, line, path.point)")].filter((part) => {
      const { width, height } = part.getBBox();
      return width + height === 0;
    }).length,
  }));
  if (seen.nested > 0) faults.push(`${name}: ${seen.nested} shapes within shapes`);
  if (seen.unseen > 0) faults.push(`${name}: ${seen.unseen} parts of pictures have no size`);
  if (seen.scripts > 0) faults.push(`${name}: ${seen.scripts} scripts`);
  if (seen.wide) faults.push(`${name}: the page is wider than the window`);
  if (seen.cut > 0) faults.push(`${name}: ${seen.cut} pictures are cut`);
  if (seen.tables === 0) faults.push(`${name}: no table`);
  await tab.evaluate(axe);
  const found = await tab.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const { id, help, nodes } of found.violations) {
    faults.push(`${name}: axe ${id}: ${help}, ${nodes.length} times, first ${nodes[0].html.slice(0, 160)}`);
  }
  if (picture) await shoot(tab, picture);
  console.log(`${name}: ${seen.tables} tables, ${seen.ladders} ladders, ground ${seen.ground}, ` +
    `${found.violations.length} violations, ${found.passes.length} rules passed`);
  await tab.close();
  return seen;
}

/** Takes the beginning of the page, and its first finding. */
async function shoot(tab, picture) {
  const end = await tab.evaluate(() => {
    const last = document.querySelector("article:nth-of-type(2)") ?? document.querySelector("main");
    for (const table of document.querySelectorAll(".matrix")) table.parentElement.style.cssText = "max-height: 420px; overflow: hidden";
    return Math.ceil(last.getBoundingClientRect().bottom + window.scrollY + 16);
  });
  await tab.screenshot({ path: picture, clip: { x: 0, y: 0, width: 1100, height: Math.min(end, 2600) } });
}

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"],
  protocolTimeout: PATIENCE,
});
try {
  const light = await look(browser, "light", 1100, screenshot);
  const dark = await look(browser, "dark", 1100);
  await look(browser, "light", 400);
  if (light.ground === dark.ground) faults.push("dark looks like light");
  const tab = await browser.newPage();
  await tab.goto(address, { timeout: PATIENCE });
  const print = await tab.pdf({ format: "A4", timeout: PATIENCE });
  console.log(`printed: ${print.length} bytes`);
} finally {
  await browser.close();
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
