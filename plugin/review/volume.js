/* Volumes of the page: blocks of base64 and zlib become bytes, bytes become slices.
 *
 * A volume is {dim: [across, down, deep], data: Uint8Array}, axis 0 fastest. Axes run to the patient's left, to the back, to the feet. */

/* The bytes of one block; its text is given up. */
async function unpack(id, count) {
  const element = document.getElementById(id);
  const text = element.textContent;
  element.remove();
  const pieces = [];
  const step = 1 << 20; // a multiple of 4, so that every piece is base64 by itself
  for (let at = 0; at < text.length; at += step) {
    pieces.push(Uint8Array.from(atob(text.slice(at, at + step)), (c) => c.charCodeAt(0)));
  }
  const stream = new Blob(pieces).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  if (bytes.length !== count) {
    throw new Error(`the block "${id}" is damaged: ${bytes.length} bytes where ${count} were expected`);
  }
  return bytes;
}

/* The inverse of the median predictor in ct.c, in place. */
function undoPrediction(codes, [width, height, depth]) {
  let at = 0;
  for (let k = 0; k < depth; k++) {
    for (let j = 0; j < height; j++) {
      let a = 0; // left
      let c = 0; // above left
      for (let i = 0; i < width; i++, at++) {
        const b = j ? codes[at - width] : 0; // above
        const low = a < b ? a : b;
        const high = a < b ? b : a;
        a = (codes[at] + (c >= high ? low : c <= low ? high : a + b - c)) & 255;
        codes[at] = a;
        c = b;
      }
    }
  }
}

async function readVolumes(facts) {
  const size = (dim) => dim[0] * dim[1] * dim[2];
  const ct = { dim: facts.ct.dim, data: await unpack("ct", size(facts.ct.dim)) };
  undoPrediction(ct.data, ct.dim);
  const maps = [];
  for (let m = 0; m < facts.maps.length; m++) {
    maps.push({ dim: facts.grid.dim, data: await unpack(`map${m}`, size(facts.grid.dim)) });
  }
  return { ct, maps };
}

/* The slice `at` of a plane as {width, height, data}, rows from the top. */
function cutVolume(volume, plane, at) {
  const { dim, data } = volume;
  const step = [1, dim[0], dim[0] * dim[1]];
  const width = dim[plane.across];
  const height = dim[plane.down];
  const out = new Uint8Array(width * height);
  for (let j = 0, to = 0; j < height; j++) {
    let from = at * step[plane.cut] + j * step[plane.down];
    for (let i = 0; i < width; i++, from += step[plane.across]) {
      out[to++] = data[from];
    }
  }
  return { width, height, data: out };
}
