/* One plane on a canvas: the CT's slice, contours, crosshair, letters. Left on the screen is the patient's right, as radiologists look. */

const PLANES = [
  { id: "axial", title: "Axial", across: 0, down: 1, cut: 2, letters: "RLAP" }, // letters: left, right, top, bottom
  { id: "coronal", title: "Coronal", across: 0, down: 2, cut: 1, letters: "RLSI" },
  { id: "sagittal", title: "Sagittal", across: 1, down: 2, cut: 0, letters: "APSI" },
];

class View {
  /* state: what all views share, as startState makes it. */
  constructor(plane, state) {
    this.plane = plane;
    this.state = state;
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.slider = make("input", { type: "range", min: 1, max: this.count(), step: 1 });
    this.slider.setAttribute("aria-label", `${plane.title} slice`);
    this.position = make("span", {});
    this.figure = make("figure", { id: plane.id }, [
      make("figcaption", {}, [make("b", { textContent: plane.title }), this.position]), this.canvas, this.slider,
    ]);
    this.pixels = document.createElement("canvas"); // the slice, a pixel a voxel
    this.drawn = "";
  }

  count() {
    return this.state.facts.grid.dim[this.plane.cut];
  }

  /* Where the slice lies on the canvas, in its pixels: as large as fits, in true proportions. */
  place() {
    const { dim, spacing } = this.state.facts.grid;
    const { across, down } = this.plane;
    const width = dim[across] * spacing[across];
    const height = dim[down] * spacing[down];
    const scale = Math.min(this.canvas.width / width, this.canvas.height / height);
    return {
      left: (this.canvas.width - width * scale) / 2, top: (this.canvas.height - height * scale) / 2,
      width: width * scale, height: height * scale, scaleX: scale * spacing[across], scaleY: scale * spacing[down],
    };
  }

  /* Sets the crosshair's two coordinates of this plane from a place on the page. */
  pick(clientX, clientY) {
    const box = this.canvas.getBoundingClientRect();
    const place = this.place();
    const x = ((clientX - box.left) * this.canvas.width) / box.width - place.left;
    const y = ((clientY - box.top) * this.canvas.height) / box.height - place.top;
    const { dim } = this.state.facts.grid;
    const { across, down } = this.plane;
    this.state.at[across] = clamp(Math.floor(x / place.scaleX), 0, dim[across] - 1);
    this.state.at[down] = clamp(Math.floor(y / place.scaleY), 0, dim[down] - 1);
  }

  scroll(steps) {
    const { cut } = this.plane;
    this.state.at[cut] = clamp(this.state.at[cut] + steps, 0, this.count() - 1);
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    const context = this.canvas.getContext("2d");
    const place = this.place();
    this.drawSlice();
    context.drawImage(this.pixels, place.left, place.top, place.width, place.height);
    if (this.state.contours) {
      this.drawContours(context, place, ratio);
    }
    if (this.state.crosshair) {
      this.drawCrosshair(context, place, ratio);
    }
    this.drawWords(context, ratio);
    this.tellPosition();
  }

  /* The CT may be kept coarser than the grid that slices are counted on. */
  drawSlice() {
    const { facts, volumes, at, window: shown } = this.state;
    const { cut } = this.plane;
    const slice = Math.floor(((at[cut] + 0.5) * facts.ct.dim[cut]) / facts.grid.dim[cut]);
    const wanted = `${slice} ${shown.level} ${shown.width}`;
    if (wanted === this.drawn) {
      return;
    }
    const codes = cutVolume(volumes.ct, this.plane, slice);
    const grays = facts.ct.levels.map((hu) => clamp(Math.round(((hu - shown.level) / shown.width + 0.5) * 255), 0, 255));
    const image = new ImageData(codes.width, codes.height);
    const out = new Uint32Array(image.data.buffer);
    const colors = grays.map((gray) => (0xff000000 | (gray * 0x010101)) >>> 0);
    for (let i = 0; i < out.length; i++) {
      out[i] = colors[codes.data[i]];
    }
    this.pixels.width = codes.width;
    this.pixels.height = codes.height;
    this.pixels.getContext("2d").putImageData(image, 0, 0);
    this.drawn = wanted;
  }

  drawContours(context, place, ratio) {
    const { facts, volumes, at, shown } = this.state;
    const { across, down, cut } = this.plane;
    context.lineCap = "round";
    facts.maps.forEach((map, m) => {
      const visible = map.structures.filter((s) => shown.has(s) && s.voxels && at[cut] >= s.low[cut] && at[cut] <= s.high[cut]);
      const slice = visible.length ? cutVolume(volumes.maps[m], this.plane, at[cut]) : null;
      for (const s of visible) {
        const box = { low: [s.low[across], s.low[down]], high: [s.high[across], s.high[down]] };
        const path = traceContour(slice, s.code, box, place.left, place.top, place.scaleX, place.scaleY);
        context.strokeStyle = "rgba(0, 0, 0, 0.55)"; // an edge that keeps the line apart from bone and lung alike
        context.lineWidth = 3.4 * ratio;
        context.stroke(path);
        context.strokeStyle = s.color;
        context.lineWidth = 1.8 * ratio;
        context.stroke(path);
      }
    });
  }

  /* Through the voxel's centre, open in the middle so that it hides nothing. */
  drawCrosshair(context, place, ratio) {
    const { at } = this.state;
    const x = Math.round(place.left + (at[this.plane.across] + 0.5) * place.scaleX) + 0.5;
    const y = Math.round(place.top + (at[this.plane.down] + 0.5) * place.scaleY) + 0.5;
    const gap = 14 * ratio;
    context.strokeStyle = "rgba(127, 196, 255, 0.6)";
    context.lineWidth = ratio;
    context.beginPath();
    for (const side of [-1, 1]) {
      context.moveTo(x + side * gap, y);
      context.lineTo(side < 0 ? place.left : place.left + place.width, y);
      context.moveTo(x, y + side * gap);
      context.lineTo(x, side < 0 ? place.top : place.top + place.height);
    }
    context.stroke();
  }

  /* Letters, a ruler, and on every picture what it is, so that a cut-out of the screen says so too. */
  drawWords(context, ratio) {
    const { width, height } = this.canvas;
    const [left, right, top, bottom] = this.plane.letters;
    const size = 15 * ratio;
    const edge = 8 * ratio;
    const write = (text, x, y, align, baseline) => {
      context.textAlign = align;
      context.textBaseline = baseline;
      context.strokeText(text, x, y);
      context.fillText(text, x, y);
    };
    context.lineJoin = "round";
    context.strokeStyle = "rgba(0, 0, 0, 0.8)";
    context.lineWidth = 3 * ratio;
    context.fillStyle = "#e7eaee";
    context.font = `600 ${size}px system-ui, "DejaVu Sans", sans-serif`;
    write(left, edge, height / 2, "left", "middle");
    write(right, width - edge, height / 2, "right", "middle");
    write(top, width / 2, edge, "center", "top");
    write(bottom, width / 2, height - edge, "center", "bottom");
    context.fillStyle = "#f4b740";
    context.font = `${12 * ratio}px system-ui, "DejaVu Sans", sans-serif`;
    const mark = "unreviewed, not for clinical use";
    const narrow = context.measureText(mark).width > width / 2 - 4 * edge; // it would meet the letter
    write(narrow ? "unreviewed" : mark, edge, edge, "left", "top");
    this.drawRuler(context, ratio, write);
  }

  drawRuler(context, ratio, write) {
    const { spacing } = this.state.facts.grid;
    const length = (50 * this.place().scaleX) / spacing[this.plane.across];
    const x = this.canvas.width - 12 * ratio;
    const y = this.canvas.height - 12 * ratio;
    if (length > this.canvas.width / 2) {
      return;
    }
    context.fillStyle = "#e7eaee";
    context.fillRect(x - length, y, length, 2 * ratio);
    write("5 cm", x - length / 2, y - 3 * ratio, "center", "bottom");
  }

  tellPosition() {
    const { at } = this.state;
    const slice = at[this.plane.cut] + 1;
    const words = describePlace(this.state)[this.plane.cut];
    this.slider.value = slice;
    this.position.textContent = `${slice} / ${this.count()} · ${words} mm`;
    this.canvas.setAttribute("aria-label", `${this.plane.title} slice ${slice} of ${this.count()}`);
    this.figure.dataset.slice = slice;
  }
}

/* The crosshair in the patient's coordinates, an axis a text: "L 12.3", "P 40.0", "S 101.5". */
function describePlace(state) {
  const { ras } = state.facts.grid;
  const [i, j, k] = state.at;
  return ["RL", "AP", "SI"].map((letters, row) => {
    const mm = ras[row * 4] * i + ras[row * 4 + 1] * j + ras[row * 4 + 2] * k + ras[row * 4 + 3];
    return `${letters[mm < 0 ? 1 : 0]} ${Math.abs(mm).toFixed(1)}`;
  });
}
