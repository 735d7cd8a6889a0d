/* The outline of one structure in a slice of a label map: marching squares through the points half-way between a pixel's centre that
 * belongs to it and a neighbour's that does not. No point of the line is farther than half a pixel from the pixels' common edge. */

/* Lines by which corners of a cell are inside (1: upper left, 2: upper right, 4: lower right, 8: lower left), from and to the middle of a
 * side (0: top, 1: right, 2: bottom, 3: left). Pixels that touch at a corner only stay apart. */
const CELL_LINES = [
  [], [[3, 0]], [[0, 1]], [[3, 1]], [[1, 2]], [[3, 0], [1, 2]], [[0, 2]], [[3, 2]],
  [[2, 3]], [[2, 0]], [[0, 1], [2, 3]], [[2, 1]], [[1, 3]], [[1, 0]], [[0, 3]], [],
];
const SIDE_X = [1, 1.5, 1, 0.5]; // from the centre of the pixel up and left of the cell, which lies half a pixel from its corner
const SIDE_Y = [0.5, 1, 1.5, 1];

/* slice: of codes; box: {low, high}, columns and rows between which the code lies; scale: pixels of the screen a pixel of the slice. */
function traceContour(slice, code, box, left, top, scaleX, scaleY) {
  const path = new Path2D();
  const { width, height, data } = slice;
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && data[y * width + x] === code;
  for (let y = box.low[1] - 1; y <= box.high[1]; y++) {
    for (let x = box.low[0] - 1; x <= box.high[0]; x++) {
      const corners = inside(x, y) | (inside(x + 1, y) << 1) | (inside(x + 1, y + 1) << 2) | (inside(x, y + 1) << 3);
      for (const [from, to] of CELL_LINES[corners]) {
        path.moveTo(left + (x + SIDE_X[from]) * scaleX, top + (y + SIDE_Y[from]) * scaleY);
        path.lineTo(left + (x + SIDE_X[to]) * scaleX, top + (y + SIDE_Y[to]) * scaleY);
      }
    }
  }
  return path;
}
