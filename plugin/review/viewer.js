/* The page comes alive: state, tools, mouse and keys. */

const WINDOWS = [
  { name: "Soft tissue", level: 40, width: 400 },
  { name: "Lung", level: -600, width: 1500 },
  { name: "Bone", level: 400, width: 1800 },
  { name: "Breast, wide", level: -50, width: 700 },
];

function firstPlace(facts) {
  const structure = facts.maps.flatMap((map) => map.structures).find((s) => s.voxels);
  return structure ? structure.centre.slice() : facts.grid.dim.map((n) => Math.floor(n / 2));
}

function startState(facts, volumes) {
  return {
    facts, volumes, at: firstPlace(facts), window: { ...WINDOWS[0] }, contours: true, crosshair: true,
    shown: new Set(facts.maps.flatMap((map) => map.structures)),
  };
}

class Viewer {
  constructor(facts, volumes) {
    this.state = startState(facts, volumes);
    this.views = PLANES.map((plane) => new View(plane, this.state));
    this.active = this.views[0];
    this.waiting = false;
    document.getElementById("views").replaceChildren(...this.views.map((view) => view.figure));
    this.enlarge(this.views[0]);
    this.makeTools();
    this.views.forEach((view) => this.listen(view));
    document.addEventListener("keydown", (event) => this.onKey(event));
    const sizes = new ResizeObserver(() => this.change());
    this.views.forEach((view) => sizes.observe(view.canvas));
    showAlerts(facts.alerts);
    showStructures(this.state, () => this.change());
    showOrigin(facts);
    showHelp();
    this.draw();
  }

  /* Many events may come between two pictures. */
  change() {
    if (!this.waiting) {
      this.waiting = true;
      requestAnimationFrame(() => this.draw());
    }
  }

  draw() {
    this.waiting = false;
    this.views.forEach((view) => view.draw());
    showReadout(this.state);
    this.showTools();
  }

  enlarge(view) {
    this.views.forEach((other) => other.figure.classList.toggle("large", other === view));
    this.change();
  }

  reset() {
    this.state.at = firstPlace(this.state.facts);
    this.setWindow(WINDOWS[0]);
    this.enlarge(this.views[0]);
  }

  setWindow(preset) {
    this.state.window = { ...preset };
    this.change();
  }

  toggle(what) {
    this.state[what] = !this.state[what];
    this.change();
  }

  makeTools() {
    const button = (textContent, title, action) => {
      const element = make("button", { textContent, title });
      element.addEventListener("click", action);
      return element;
    };
    this.presets = WINDOWS.map((w, n) => button(w.name, `key ${n + 1}`, () => this.setWindow(w)));
    this.contours = button("Contours", "key C", () => this.toggle("contours"));
    this.crosshair = button("Crosshair", "key X", () => this.toggle("crosshair"));
    this.level = make("output", { id: "level" });
    document.getElementById("tools").replaceChildren(
      make("div", { className: "group" }, [make("span", { textContent: "Window" }), ...this.presets, this.level]),
      make("div", { className: "group" }, [this.contours, this.crosshair, button("Reset", "key R", () => this.reset())]));
  }

  showTools() {
    const { window: shown, contours, crosshair } = this.state;
    this.presets.forEach((element, n) => element.setAttribute("aria-pressed", WINDOWS[n].level === shown.level && WINDOWS[n].width === shown.width));
    this.contours.setAttribute("aria-pressed", contours);
    this.crosshair.setAttribute("aria-pressed", crosshair);
    this.level.textContent = `level ${shown.level}, width ${shown.width} HU`;
  }

  listen(view) {
    const { canvas, slider } = view;
    slider.addEventListener("input", () => {
      this.state.at[view.plane.cut] = Number(slider.value) - 1;
      this.change();
    });
    let turned = 0; // of the wheel, as parts of a slice: touchpads send many small turns
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      turned += event.deltaMode ? Math.sign(event.deltaY) : clamp(event.deltaY / 60, -1, 1);
      view.scroll(Math.trunc(turned));
      turned -= Math.trunc(turned);
      this.change();
    }, { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    [canvas, slider].forEach((element) => element.addEventListener("focus", () => { this.active = view; }));
    canvas.addEventListener("dblclick", () => this.enlarge(view));
    canvas.addEventListener("pointerdown", (event) => this.onDown(view, event));
    canvas.addEventListener("pointermove", (event) => this.onMove(view, event));
    canvas.addEventListener("pointerup", () => { this.drag = null; });
    canvas.addEventListener("pointercancel", () => { this.drag = null; });
  }

  onDown(view, event) {
    view.canvas.setPointerCapture(event.pointerId);
    view.canvas.focus();
    this.drag = { contrast: event.button === 2 || event.shiftKey, x: event.clientX, y: event.clientY, window: { ...this.state.window } };
    this.onMove(view, event);
  }

  onMove(view, event) {
    if (!this.drag) {
      return;
    }
    if (this.drag.contrast) {
      const { x, y, window: begun } = this.drag;
      const width = clamp(Math.round(begun.width + (event.clientX - x) * 2), 2, 4096);
      const level = clamp(Math.round(begun.level - (event.clientY - y)), -1024, 3071);
      this.state.window = { width, level };
    } else {
      view.pick(event.clientX, event.clientY);
    }
    this.change();
  }

  onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    const steps = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
    const actions = { c: () => this.toggle("contours"), x: () => this.toggle("crosshair"), r: () => this.reset() };
    const preset = WINDOWS[Number(event.key) - 1];
    const action = steps ? () => this.active.scroll(steps) : preset ? () => this.setWindow(preset) : actions[event.key.toLowerCase()];
    if (action) {
      event.preventDefault();
      action();
      this.change();
    }
  }
}

/* The contours are the point of the page: where they cannot be drawn, that is said in their place. */
async function start() {
  const views = document.getElementById("views");
  try {
    const facts = JSON.parse(document.getElementById("facts").textContent);
    showAlerts(facts.alerts);
    showOrigin(facts);
    if (typeof DecompressionStream === "undefined") {
      throw new Error("this browser is too old (Chrome or Edge 80, Firefox 113, Safari 16.4, or newer ones, can)");
    }
    if (facts.report) {
      facts.report.same = await sameWords(facts.report);
      if (facts.report.same === false) {
        facts.alerts.unshift("The words beside the contours are not those of the run: their hash is not the report's.");
      }
    }
    new Viewer(facts, await readVolumes(facts));
    document.documentElement.dataset.state = "ready";
  } catch (error) {
    views.replaceChildren(make("p", { textContent: `The slices cannot be shown: ${error.message}. Make the page anew with ctvk review.` }));
    document.documentElement.dataset.state = "failed";
  }
  views.setAttribute("aria-busy", "false");
}

start();
