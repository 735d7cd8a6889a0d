"""What lies in a breast: glandular tissue, ligaments, and what surgery left."""
import numpy

from .shapes import capsule, ellipsoid, ramp
from .tissue import Structure as S

# Chances. Most conserved breasts show nothing, and an innocent finding lies in either breast.
SEROMA, FAINT_SCAR, CLIPS, CYST = 0.18, 0.20, 0.08, 0.15


def paint(canvas, body, outline, palette):
    for s in (-1, 1):
        if body.breasts[s].missing:
            scar_line(canvas, body, outline, palette, s)
            continue
        gland(canvas, body, outline, palette, s)
        other_findings(canvas, body, outline, palette, s)
        if s in body.facts.treated:
            surgery(canvas, body, outline, palette, s)


def gland(canvas, body, outline, palette, s):
    """Glandular tissue behind the nipple and to the upper outer side, from almost none to dense, in lobes and strands; and the thin
    ligaments that run through the fat."""
    breast, box = body.breasts[s], outline.breast_box(s)
    along, outward, up = outline.breast_axes(s, box)
    corner = numpy.sort([[-s * 40, -60, -150], [s * 230, 200, 110]], axis=0)
    lobes = canvas.field(body.field(30 + s, 15, *corner), box) + 0.6 * canvas.field(body.field(33 + s, 6.5, *corner), box)
    sheets = canvas.field(body.field(36 + s, 11, *corner), box)
    depth = numpy.minimum(outline.skin[box] - 6, -outline.wall[box] - 3)
    place = numpy.sqrt(((along - 0.15 * breast.along) / (0.85 * breast.along)) ** 2 + ((up - 0.1 * breast.tall) / (0.8 * breast.tall)) ** 2)
    cone = 1 - place + 0.25 * ramp(outward, 0, breast.out)
    level = lobes * 0.42 + 1.5 * cone - 1.45 + 1.3 * (body.density - 0.42)
    distance = numpy.minimum(level * 9, depth)
    strands = numpy.clip(0.75 + 0.25 * sheets, 0.35, 1)
    canvas.blend(box, canvas.share(distance) * strands, palette["gland"] + 10 * lobes, S.GLAND)
    # Where a smooth field passes zero it draws a sheet about 1 mm thick.
    thread = (1 - ramp(numpy.abs(sheets), 0.05, 0.16)) * canvas.share(depth + 3) * ramp(1.05 - place, 0, 0.2)
    canvas.blend(box, thread * min(1.0, 1.6 / canvas.edge) * 0.75, palette["gland"] - 15, None)
    nipple = 5 - numpy.sqrt(along**2 + (outward - breast.out - 4) ** 2 + (up + 6) ** 2)
    canvas.paint(box, numpy.minimum(nipple, outline.skin[box]), palette["skin"], S.SKIN)


def spot(body, outline, random, s):
    """A point in the breast of side s, mm: between muscle and skin."""
    breast = body.breasts[s]
    centre, along, out = outline.frames[s]
    a, u = random.uniform(-0.45, 0.6) * breast.along, random.uniform(-0.4, 0.5) * breast.tall
    return centre + along * a + out * random.uniform(0.3, 0.55) * breast.out + numpy.array([0, 0, u])


def lump(canvas, outline, place, radii, hu, code, depth):
    """A round body that stays `depth` mm under the skin and off the muscle."""
    box = canvas.around(place, max(radii) + canvas.edge)
    distance = numpy.minimum(ellipsoid(*canvas.at(box), place, radii), numpy.minimum(outline.skin[box] - depth, -outline.wall[box]))
    canvas.paint(box, distance, hu, code)


def other_findings(canvas, body, outline, palette, s):
    """A cyst, a fibroadenoma or an old scar, on either side whatever was treated."""
    random = body.random(70 + s)
    if random.random() < CYST:
        lump(canvas, outline, spot(body, outline, random, s), random.uniform(4, 13, 3), palette["fluid"] + random.uniform(0, 35), S.GLAND, 4)


def surgery(canvas, body, outline, palette, s):
    """The traces of a conserving operation. Most breasts that were conserved show none that a CT of this detail would tell."""
    random = body.random(75 + s)
    seroma, scar, clips, strength = *random.random(3), random.uniform(0.35, 1)
    place = spot(body, outline, random, s)
    if seroma < SEROMA:
        radii = random.uniform(7, 19, 3)
        lump(canvas, outline, place, radii, palette["fat"] + (palette["seroma"] - palette["fat"]) * strength, S.SEROMA, 5)
    elif scar < FAINT_SCAR:
        box = canvas.around(place, 24)
        skinward = place + outline.frames[s][2] * 25
        distance = numpy.minimum(capsule(*canvas.at(box), place, skinward, (5, 1.5)), outline.skin[box])
        canvas.blend(box, canvas.share(distance) * strength * 0.8, palette["scar"], None)
    if clips < CLIPS:
        for _ in range(random.integers(3, 7)):
            at = place + random.normal(0, 10, 3)
            box = canvas.around(at, 2 + canvas.edge)
            # A clip is 1 x 1 x 4 mm of titanium: a share of the voxel.
            share = canvas.share(capsule(*canvas.at(box), at, at + random.normal(0, 2, 3), 0.9)) * min(1.0, (1.5 / canvas.edge) ** 2)
            canvas.blend(box, share, palette["clip"], S.CLIP)


def scar_line(canvas, body, outline, palette, s):
    """The scar of a mastectomy, old or new: a line of firmer tissue across the flap, often hardly seen."""
    centre, along, _ = outline.frames[s]
    start, end = centre - along * 55, centre + along * 60 + numpy.array([0, 0, 18.0])
    box = canvas.around([start, end], 30)
    x, y, z = canvas.at(box)
    line = 3 - numpy.abs(z - centre[2] - 0.15 * (x - centre[0]) * s)
    distance = numpy.minimum(line, numpy.minimum(outline.skin[box], -outline.wall[box] + 1))
    canvas.blend(box, canvas.share(distance) * body.random(78 + s).uniform(0.1, 0.6), palette["scar"], None)
