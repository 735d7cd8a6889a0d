/* The panel beside the views: alerts, structures, what lies under the crosshair, where the contours come from. Every text goes in as text,
 * never as HTML: names and warnings are another program's. */

function make(tag, properties, children = []) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

function heading(text) {
  return make("h2", { textContent: text });
}

function list(lines) {
  return make("ul", {}, lines.map((line) => make("li", { textContent: line })));
}

/* rows: [term, text, class]; those without a text are left out. */
function table(rows) {
  const known = rows.filter(([, text]) => text !== undefined && text !== null && text !== "");
  return make("dl", {}, known.flatMap(([term, text, name]) => [
    make("dt", { textContent: term }), make("dd", { textContent: text, className: name || "" }),
  ]));
}

function fill(id, children) {
  document.getElementById(id).replaceChildren(...children);
}

function showAlerts(lines) {
  fill("alerts", lines.length ? [heading("Please note"), list(lines)] : []);
}

function mapName(facts, m) {
  return facts.maps[m].name || (facts.maps.length > 1 ? `Label map ${m + 1}` : "");
}

function structureName(structure) {
  return structure.name || `label ${structure.value}`;
}

function structureRow(structure, state, onChange) {
  const box = make("input", { type: "checkbox", checked: true, disabled: !structure.voxels });
  const swatch = make("span", { className: "swatch" });
  const volume = `${structure.ml.toFixed(1)} ml`;
  const go = make("button", { className: "volume", textContent: volume, title: "go to its centre", disabled: !structure.voxels });
  swatch.style.background = structure.color;
  box.addEventListener("change", () => {
    state.shown[box.checked ? "add" : "delete"](structure);
    onChange();
  });
  go.addEventListener("click", () => {
    state.at = structure.centre.slice();
    onChange();
  });
  return make("div", { className: structure.voxels ? "structure" : "structure empty" }, [
    make("label", {}, [box, swatch, make("span", { className: "name", textContent: structureName(structure) })]), go,
  ]);
}

function showStructures(state, onChange) {
  const rows = state.facts.maps.flatMap((map, m) => {
    const title = mapName(state.facts, m);
    return [...(title ? [make("h3", { textContent: title })] : []), ...map.structures.map((s) => structureRow(s, state, onChange))];
  });
  fill("structures", [heading("Structures"), ...rows]);
}

/* What the CT and the label maps hold at the crosshair. */
function showReadout(state) {
  const { facts, volumes, at } = state;
  const index = (volume, place) => place[0] + volume.dim[0] * (place[1] + volume.dim[1] * place[2]);
  const coarse = at.map((n, axis) => Math.floor(((n + 0.5) * facts.ct.dim[axis]) / facts.grid.dim[axis]));
  const code = volumes.ct.data[index(volumes.ct, coarse)];
  const here = facts.maps.flatMap((map, m) => {
    const inside = volumes.maps[m].data[index(volumes.maps[m], at)];
    return map.structures.filter((s) => s.code === inside).map((s) => [mapName(facts, m), structureName(s)].filter(Boolean).join(": "));
  });
  fill("readout", [heading("Under the crosshair"), table([
    ["place", `${describePlace(state).join(" ")} mm`], ["CT", code ? `${Math.round(facts.ct.levels[code])} HU` : "air, below -960 HU"],
    ["inside of", here.join(", ") || "no structure"],
  ])]);
}

/* Whether the words are those of the run: the SHA-256 of their UTF-8 is the report's. Undefined: there are none, or the browser cannot tell. */
async function sameWords(report) {
  if (!report || !report.prompt || !report.prompt_sha256 || !crypto.subtle) {
    return undefined;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(report.prompt)));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") === report.prompt_sha256;
}

function sayWords(report) {
  if (!report.prompt) {
    return "";
  }
  return report.same === undefined ? "not checked against the run" : report.same ? "those of the run, by their hash" : "NOT those of the run";
}

function promptRows(report) {
  const source = report["text.source"];
  const tokens = report["text.tokens"];
  if (report.prompt === undefined && !report.prompt_sha256) {
    return [["prompt", source && source !== "none" ? "an embedding, made elsewhere" : "none: from the CT alone"]];
  }
  const facts = (report.facts || []).map((fact) => [fact.slice(0, fact.indexOf("=")).replace(/_/g, " "), fact.slice(fact.indexOf("=") + 1)]);
  return [
    ...facts, ["prompt", report.prompt || "known by its hash only, for privacy"], ["words", sayWords(report)], ["read from", source],
    ["tokens", typeof tokens === "number" ? String(tokens) : ""],
    ["SHA-256", report.prompt_sha256, "hash"],
  ];
}

function showOrigin(facts) {
  const report = facts.report;
  const dim = facts.grid.dim.join(" x ");
  const spacing = facts.grid.spacing.map((mm) => mm.toFixed(2)).join(" x ");
  const whose = facts.maps.length > 1 ? `, ${mapName(facts, 0)}` : ""; // a report is of one run
  const made = report ? [
    heading(`Text${whose}`), table(promptRows(report)),
    make("h3", { textContent: `Made by${whose}` }), table([
      ["model", `${report["bundle.name"]} ${report["bundle.version"]}`], ["SHA-256", report["bundle.sha256"], "hash"],
      ["ctvk", report.library], ["device", report["device.name"]], ["driver", report["device.driver"]], ["type", report["device.type"]],
      ["precision", report.precision], ["windows", report.windows === undefined ? "" : String(report.windows)],
      ["LLM SHA-256", report["text.encoder_sha256"], "hash"],
    ]),
  ] : [heading("Origin"), make("p", { className: "quiet", textContent: "No report was given." })];
  fill("origin", [...made, make("h3", { textContent: "Image" }), table([
    ["voxels", dim], ["size", `${spacing} mm`], ["SHA-256", report && report["image.sha256"], "hash"], ["page of", `ctvk ${facts.version}`],
  ]), ...facts.notes.map((note) => make("p", { className: "quiet", textContent: note }))]);
}

function showHelp() {
  const keys = [
    ["wheel, ↑ ↓", "one slice"], ["PgUp PgDn", "ten slices"], ["Home End", "first, last slice"], ["drag", "move the crosshair"],
    ["right or Shift drag", "contrast: sideways width, up and down level"], ["double click", "enlarge a view"], ["1 to 4", "windows"],
    ["C, X", "contours, crosshair on and off"], ["R", "as at the start"],
  ];
  fill("help", [heading("Keys and mouse"), table(keys)]);
}
