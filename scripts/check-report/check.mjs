// Opens reports in a headless browser with the network off, and checks what a reader sees.
// Usage: CHROMIUM=chromium node check.mjs [--shots FOLDER] REPORT.html ...

import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { HtmlValidate } from "html-validate";
import { chromium } from "playwright-core";

const WIDTHS = [[360, 740], [768, 1024], [1400, 900]];
const SCHEMES = ["light", "dark"];
// Pixels on the screen below which no text may fall.
const SMALLEST_TEXT = 7.5;

const { shots, files } = options(process.argv.slice(2));
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const validator = new HtmlValidate({
  extends: ["html-validate:standard"],
  // Void elements are closed so that a page is XML, too.
  rules: { "void-style": ["error", { style: "selfclose" }], "no-trailing-whitespace": "off", "long-title": "off",
    // A region that scrolls takes the focus, so that it can be moved by keys.
    "prefer-native-element": ["error", { exclude: ["region"] }] },
});
const problems = [];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ? await found(process.env.CHROMIUM) : undefined,
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
for (const file of files) {
  await valid(file);
  for (const [width, height] of WIDTHS) {
    for (const scheme of SCHEMES) {
      await look(file, width, height, scheme);
    }
  }
  await print(file);
}
await browser.close();
if (problems.length > 0) {
  console.error(`${problems.length} problems:\n  ${problems.join("\n  ")}`);
  process.exit(1);
}
console.log(`${files.length} reports are as they should be at ${WIDTHS.length} widths, light and dark, and on paper`);

function options(words) {
  const at = words.indexOf("--shots");
  const shots = at < 0 ? null : words.splice(at, 2)[1];
  if (words.length === 0 || (at >= 0 && !shots)) {
    console.error("usage: CHROMIUM=chromium node check.mjs [--shots FOLDER] REPORT.html ...");
    process.exit(2);
  }
  return { shots, files: words.map((word) => resolve(word)) };
}

// A program by its path, or by its name in the folders of PATH.
async function found(name) {
  if (name.includes("/")) return name;
  const { access } = await import("node:fs/promises");
  for (const folder of (process.env.PATH ?? "").split(":")) {
    const path = join(folder, name);
    if (await access(path).then(() => true, () => false)) return path;
  }
  throw new Error(`there is no program ${name}; set CHROMIUM to the path of a browser`);
}

async function valid(file) {
  const report = await validator.validateString(await readFile(file, "utf8"), file);
  for (const { messages } of report.results) {
    for (const { line, column, ruleId, message } of messages.slice(0, 10)) {
      problems.push(`${basename(file)}:${line}:${column}: ${ruleId}: ${message}`);
    }
  }
}

async function look(file, width, height, scheme) {
  const name = `${basename(file, ".html")}, ${width} px, ${scheme}`;
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: scheme, offline: true, deviceScaleFactor: width < 500 ? 2 : 1,
  });
  const page = await context.newPage();
  const url = pathToFileURL(file).href;
  page.on("console", (message) => problems.push(`${name}: console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`${name}: ${error}`));
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) {
      problems.push(`${name}: asks for ${request.url()}`);
    }
  });
  await page.goto(url);
  const seen = await page.evaluate(inspect, SMALLEST_TEXT);
  seen.forEach((problem) => problems.push(`${name}: ${problem}`));
  if (shots) {
    await mkdir(shots, { recursive: true });
    const path = (part) => join(shots, `${basename(file, ".html")}-${width}-${scheme}${part}.png`);
    await page.screenshot({ path: path("-first") });
    await page.screenshot({ path: path(""), fullPage: true });
  }
  await context.close();
  await accessible(url, name, width, height, scheme);
}

// The page's policy refuses scripts, ours among them: for this one look it is set aside.
async function accessible(url, name, width, height, scheme) {
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: scheme, offline: true, bypassCSP: true,
  });
  const page = await context.newPage();
  await page.goto(url);
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  for (const { id, help, nodes } of violations) {
    problems.push(`${name}: axe: ${id}: ${help}: ${nodes[0].html.slice(0, 160)} (${nodes.length})`);
  }
  await context.close();
}

async function print(file) {
  if (!shots) return;
  const context = await browser.newContext({ offline: true, colorScheme: "dark" });
  const page = await context.newPage();
  await page.goto(pathToFileURL(file).href);
  await mkdir(shots, { recursive: true });
  await page.pdf({ path: join(shots, `${basename(file, ".html")}.pdf`), format: "A4", preferCSSPageSize: true });
  await context.close();
}

// Runs in the page: what is wrong with what is shown.
function inspect(smallest) {
  const problems = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.right > root.clientWidth + 1 && !element.closest(".scroll");
    });
    problems.push(`scrolls sideways: ${root.scrollWidth} of ${root.clientWidth}: ${wide[0]?.outerHTML.slice(0, 120)}`);
  }
  const lead = document.querySelector(".lead") ?? document.querySelector("h1");
  if (lead.getBoundingClientRect().bottom > window.innerHeight) problems.push("the verdict is below the first screen");
  if (!document.title) problems.push("the page has no title");
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  if (new Set(ids).size !== ids.length) problems.push("an id is there twice");
  for (const link of document.querySelectorAll("nav a")) {
    if (!document.getElementById(link.getAttribute("href").slice(1))) problems.push(`${link.href} leads nowhere`);
  }
  for (const image of document.querySelectorAll("figure svg, img")) {
    if (!(image.getAttribute("aria-label") ?? image.alt)) problems.push("an image has no name");
  }
  for (const cell of document.querySelectorAll("th, td")) {
    if (cell.scrollWidth > cell.clientWidth + 1) problems.push(`text leaves its cell: ${cell.textContent.slice(0, 40)}`);
  }
  for (const svg of document.querySelectorAll("svg")) {
    if (svg.getClientRects().length === 0) continue;
    const outer = svg.getBoundingClientRect();
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      const size = parseFloat(getComputedStyle(text).fontSize) * outer.width / svg.viewBox.baseVal.width;
      if (size < smallest) problems.push(`text of ${size.toFixed(1)} px: ${text.textContent.slice(0, 40)}`);
      const out = Math.max(outer.left - box.left, box.right - outer.right, outer.top - box.top, box.bottom - outer.bottom);
      if (out > 3) problems.push(`text leaves its drawing by ${out.toFixed(0)} px: ${text.textContent.slice(0, 40)}`);
    }
  }
  return [...new Set(problems)].slice(0, 12);
}
