"""The target: what the facts ask to be treated, drawn by written rules on the anatomy. One rule, one function.

ESTRO: Offersen et al., ESTRO consensus guideline on target volume delineation for elective radiation therapy of early stage breast cancer,
Radiother Oncol 114:3-10, 2015 (borders by table; nodal levels keep 5 mm around the large veins).
RTOG: White et al., Breast cancer atlas for radiation therapy planning: consensus definitions, Radiation Therapy Oncology Group, 2009.
The rules are simplified to what this synthetic anatomy has. Each returns a box of the canvas and a distance in it, mm, positive inside.
"""
import numpy
from scipy import ndimage

from . import organs, skeleton
from .outline import FLAP
from .shapes import capsule, line
from .tissue import Structure as S

SKIN = 5.0  # mm that the target stays under the skin
VEIN = 5.0  # mm around the large veins
OUTSIDE = -50.0
ROOM = (S.FAT, S.NODE, S.VESSEL, S.GLAND, S.SEROMA, S.CLIP, S.SKIN)


class Anatomy:
    """What rules look at."""

    def __init__(self, canvas, body, outline):
        self.canvas, self.body, self.outline = canvas, body, outline
        # Where nodes can lie: fat and what it holds, not muscle, bone, lung or the mediastinum. A smooth edge about the voxels' borders.
        room = canvas.is_in(*ROOM).astype(numpy.float32)
        self.room = (ndimage.gaussian_filter(room, 0.8, truncate=2) - 0.45) * 2.5 * canvas.edge

    def under_skin(self, box, margin):
        return self.outline.skin[box] - margin


def skin_margin(facts):
    """T4 takes the skin in: RTOG (the skin is part of the target where it is or was involved); ESTRO: 5 mm under the skin else."""
    return 0.0 if facts.stage == "cT4" else SKIN


def whole_breast(anatomy, s, margin):
    """ESTRO CTVp_breast: up to the edge of the palpable breast and never above the joint of collar bone and breastbone, down to its fold; in
    front 5 mm under the skin; behind, pectoralis major or ribs and intercostal muscles; medially the edge of the breastbone; laterally the
    breast's fold."""
    outline, body = anatomy.outline, anatomy.body
    box = outline.breast_box(s)
    x, _, z = anatomy.canvas.at(box)
    base = (1 - outline.footprint(s, box)) * 50
    medial = s * x - 19 * (0.6 + 0.4 * body.wide)
    return box, minimum(base, anatomy.under_skin(box, margin), -outline.wall[box], 92 - z, medial, outline.turn[box] * 90 + 12)


def chest_wall(anatomy, s, margin):
    """After a mastectomy. ESTRO CTVp_thoracic wall: the other breast guides its borders (here the frame that the breast had). RTOG: behind, it
    reaches to the ribs' border with the pleura, so that muscles and ribs are in."""
    outline, body = anatomy.outline, anatomy.body
    box = outline.breast_box(s)
    x, _, z = anatomy.canvas.at(box)
    base = (1 - outline.footprint(s, box)) * 50
    medial = s * x - 19 * (0.6 + 0.4 * body.wide)
    # Beside the flap lies ordinary fat, which is no scar's.
    flap = outline.wall[box] + FLAP + 6
    return box, minimum(base, anatomy.under_skin(box, margin), -outline.pleura[box], flap, 92 - z, medial, outline.turn[box] * 90 + 12)


def minor_edges(anatomy, s, box):
    """Distances (mm) lateral to the lateral and to the medial edge of pectoralis minor, in a slice."""
    x, _, z = anatomy.canvas.at(box)
    axis = numpy.array(anatomy.body.minor(s))
    centre = line(z, axis[:, 2], s * axis[:, 0])
    half = line(z, axis[:, 2], (15, 13, 8))
    return s * x - centre - half, s * x - centre + half


def level_1(anatomy, s):
    """ESTRO CTVn_L1: from 5 mm above the axillary vein down to rib 4 or 5, between pectoral muscles and subscapularis with latissimus; lateral to
    pectoralis minor; not beyond a line from pectoralis major to latissimus, not on the humerus."""
    body, canvas = anatomy.body, anatomy.canvas
    vein = body.vein(s)
    path = [vein[4], body.point(s, 121, 2, 66), body.point(s, 121, 4, 34), body.point(s, 119, 8, 8)]
    box = canvas.around(path, 32)
    x, y, z = canvas.at(box)
    space = chain(x, y, z, path, (20, 23, 20, 14))
    lateral, _ = minor_edges(anatomy, s, box)
    top = vein[4][2] + 6 + VEIN - z
    return box, minimum(space, lateral, top, anatomy.room[box], anatomy.under_skin(box, SKIN), s * (vein[5][0] - x) + 12)


def level_2(anatomy, s):
    """ESTRO CTVn_L2: behind pectoralis minor, between its edges, from 5 mm above the axillary vein to the muscle's lower border; behind, 5 mm
    beyond the vein or the ribs."""
    vein, axis = anatomy.body.vein(s), anatomy.body.minor(s)
    below = (axis[1] + vein[3]) / 2 + (0, -8, -8)
    return between_edges(anatomy, s, [vein[2], vein[3], vein[4]], [vein[3], below], 13)


def between_edges(anatomy, s, along, down, radius):
    box = anatomy.canvas.around(along + down, radius + 4)
    x, y, z = anatomy.canvas.at(box)
    space = numpy.maximum(chain(x, y, z, along, radius), chain(x, y, z, down, radius))
    lateral, medial = minor_edges(anatomy, s, box)
    return box, minimum(space, -lateral, medial, anatomy.room[box], anatomy.under_skin(box, SKIN))


def level_3(anatomy, s):
    """ESTRO CTVn_L3: medial to pectoralis minor, 5 mm around the subclavian vein up to the artery, under pectoralis major, to level 4."""
    vein, canvas = anatomy.body.vein(s), anatomy.canvas
    path = [(vein[1] + vein[2]) / 2, vein[2], vein[3]]
    box = canvas.around(path, 20)
    x, y, z = canvas.at(box)
    _, medial = minor_edges(anatomy, s, box)
    return box, minimum(chain(x, y, z, path, 5.5 + VEIN), -medial, anatomy.room[box], anatomy.under_skin(box, SKIN))


def supraclavicular(anatomy, s):
    """ESTRO CTVn_L4: from 5 mm under the subclavian vein to the upper border of the artery, behind collar bone and sternocleidomastoid, in front
    of the pleura; medially the jugular vein, laterally the scalene muscles and level 3."""
    body, canvas = anatomy.body, anatomy.canvas
    vein = body.vein(s)
    path = [vein[0], vein[1], (vein[1] + vein[2]) / 2]
    above = [body.point(s, 30, 14, 118), body.point(s, 52, 8, 117)]
    box = canvas.around(path + above, 22)
    x, y, z = canvas.at(box)
    space = numpy.maximum(chain(x, y, z, path, 6 + VEIN), chain(x, y, z, above, 11))
    medial = s * x - body.point(1, 19, 0, 0)[0]
    return box, minimum(space, medial, anatomy.room[box], anatomy.under_skin(box, SKIN), -anatomy.outline.pleura[box])


def internal_mammary(anatomy, s):
    """ESTRO CTVn_IMN: 5 mm around the internal mammary vein, from level 4 to the upper side of rib 4; behind, the pleura."""
    body, canvas = anatomy.body, anatomy.canvas
    path = list(organs.mammary(body, s))
    box = canvas.around(path, 12)
    x, y, z = canvas.at(box)
    rib_4 = skeleton.rib_height(body, 3, 0.85) + 7
    return box, minimum(chain(x, y, z, path, 1.6 + VEIN), -anatomy.outline.pleura[box], z - rib_4, s * x - 8)


def nodal(anatomy, s, level):
    """Which levels N1 to N3 take: I-II, then III and supraclavicular, then internal mammary."""
    wanted = []
    if level >= 1:
        wanted += [level_1, level_2]
    if level >= 2:
        wanted += [level_3, supraclavicular]
    if level >= 3:
        wanted += [internal_mammary]
    return [rule(anatomy, s) for rule in wanted]


def primary(anatomy, s, facts):
    rule = chest_wall if facts.surgery == "total mastectomy" else whole_breast
    return rule(anatomy, s, skin_margin(facts))


def target(canvas, body, outline, facts):
    """Distance to the surface of the whole target that `facts` ask for, mm, positive inside: float32 [x, y, z] on the canvas."""
    anatomy = Anatomy(canvas, body, outline)
    out = numpy.full(canvas.shape, OUTSIDE, numpy.float32)
    for s in facts.treated:
        for box, distance in [primary(anatomy, s, facts)] + nodal(anatomy, s, facts.node_level):
            numpy.maximum(out[box], distance, out=out[box])
    return out


def minimum(*distances):
    """The intersection."""
    out = distances[0]
    for distance in distances[1:]:
        out = numpy.minimum(out, distance)
    return out


def chain(x, y, z, path, radius):
    """Distance to a chain of capsules through `path`; radius: number, or one a point."""
    radii = numpy.broadcast_to(radius, len(path))
    parts = [capsule(x, y, z, a, b, (r, q)) for a, b, r, q in zip(path, path[1:], radii, radii[1:])]
    return numpy.maximum.reduce(parts)
