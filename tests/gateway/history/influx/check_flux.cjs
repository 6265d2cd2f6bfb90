// Says of each Flux script on stdin (JSON: name to text) whether InfluxData's own front end parses and type-checks it.
//
// The package is made for bundlers: its JavaScript imports the WebAssembly, which imports the JavaScript. Node does not
// load that by itself, so the knot is tied here.
const fs = require('fs');
const path = require('path');
const { pathToFileURL } = require('url');

const folder = path.join(__dirname, 'node_modules', '@influxdata', 'flux-lsp-browser');

async function front_end() {
  const source = fs.readFileSync(path.join(folder, 'flux-lsp-browser_bg.js'), 'utf8');
  const tied = path.join(__dirname, 'tied.mjs');
  const untied = "import * as wasm from './flux-lsp-browser_bg.wasm';";
  if (!source.startsWith(untied)) throw new Error('flux-lsp-browser is not built as expected');
  // Two views of the memory are taken when the script is loaded, before there is one.
  const later = [];
  const rest = source.replace(/^cached\w+Memory0 = new \w+\(wasm\.memory\.buffer\);$/gm, (line) => (later.push(line), ''));
  const tie = `let wasm; export function tie(exports) { wasm = exports; ${later.join(' ')} }`;
  fs.writeFileSync(tied, rest.replace(untied, tie));
  const glue = await import(pathToFileURL(tied));
  const code = fs.readFileSync(path.join(folder, 'flux-lsp-browser_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(code, { './flux-lsp-browser_bg.js': glue });
  glue.tie(instance.exports);
  return glue;
}

front_end().then(({ Flux }) => {
  const scripts = JSON.parse(fs.readFileSync(0, 'utf8'));
  const verdict = {};
  for (const [name, text] of Object.entries(scripts)) verdict[name] = new Flux(text).is_valid();
  process.stdout.write(JSON.stringify(verdict));
});
