"""plugin/train/patients: seeds, the rules of the target, tissues, sides in patient space, what the image must not tell, the two hospitals."""
import dataclasses
import itertools

import numpy
from scipy import ndimage

from support import check, finish, refused

from patients import Facts, Structure, draw_facts, make_patient
from patients import breast, facts as known, patient, rules, sampling, scanner
from patients.body import Body
from patients.canvas import Canvas
from patients.hospitals import HOSPITALS

BCS, MASTECTOMY = known.SURGERIES
COARSE = (5.0, 5.0, 5.0)
GRID = (3.0, 3.0, 4.0)  # of what is tested on the working grid


def make(seed=3, hospital="internal", side="left", surgery=BCS, stage="cT1", nodes="N0", spacing=COARSE):
    return make_patient(seed, hospital, Facts(side, surgery, stage, nodes), spacing)


def same(a, b):
    return numpy.array_equal(a.image, b.image) and numpy.array_equal(a.structures, b.structures)


def test_seeds(left):
    again = make()
    check(same(left, again) and numpy.array_equal(left.label, again.label), "a seed gives one patient")
    check(numpy.array_equal(left.affine, again.affine), "and one place of it")
    other = make(seed=4)
    check(not numpy.array_equal(other.image, left.image), "another seed gives another patient")
    drawn = make_patient(11, "external", None, COARSE)
    check(drawn.facts == make_patient(11, "external", None, (8, 8, 8)).facts, "the facts come from the seed, not from the grid")
    fine = make(spacing=(4, 4, 4))
    ml = [p.label.sum() * numpy.prod(p.spacing) / 1000 for p in (left, fine)]
    # Voxels of 5 and 4 mm on a target whose surface is about 300 cm^2.
    check(abs(ml[0] / ml[1] - 1) < 0.05, f"one target on two grids: {ml[0]:.0f} and {ml[1]:.0f} ml")
    refused(ValueError, lambda: make_patient(1, "elsewhere"), ("elsewhere", "internal"), "an unknown hospital")
    refused(ValueError, lambda: Facts("left", "none", "cT1", "N0"), ("surgery", "none"), "an unknown surgery")


def test_arrays(p):
    check(p.image.dtype == numpy.int16 and p.label.dtype == numpy.uint8 and p.structures.dtype == numpy.uint8, "types")
    check(p.image.shape == p.label.shape == p.structures.shape, "one grid")
    check(numpy.allclose(p.affine[:3, :3], numpy.diag(COARSE)) and p.spacing == COARSE, "axes are RAS: the affine's diagonal is the spacing")
    check(set(numpy.unique(p.label)) == {0, 1} and p.image.min() >= -1024 and p.image.max() <= 3071, "ranges")


def middle(p, *codes):
    """Centre (mm, RAS) of structures."""
    voxels = numpy.argwhere(numpy.isin(p.structures, [int(c) for c in codes]))
    return p.affine[:3, :3] @ voxels.mean(axis=0) + p.affine[:3, 3]


def test_sides(left, right):
    """RAS: x grows to the patient's right, so that the left breast, the heart and the spleen have smaller x than the spine, the liver larger."""
    for p, sign in ((left, -1), (right, 1)):
        x = p.affine[0, 3] + p.affine[0, 0] * numpy.nonzero(p.label)[0]
        spine = middle(p, Structure.CANAL)[0]
        check((sign * (x - spine) > 0).mean() > 0.99, f"the {p.facts.side} target lies on the {p.facts.side}")
    spine = middle(left, Structure.CANAL)
    check(middle(left, Structure.HEART)[0] < spine[0] - 10 and middle(left, Structure.LIVER)[0] > spine[0] + 15, "heart left, liver right")
    check(middle(left, Structure.STERNUM)[1] > spine[1] + 80, "y grows to the front")
    check(middle(left, Structure.CLAVICLE)[2] > middle(left, Structure.LIVER)[2] + 100, "z grows to the head")


def test_unseen(left, right):
    """Facts that the image must not show: the stage never, the nodes in most, the side after conserving surgery without traces."""
    check(same(left, make(stage="cT4")), "cT4 looks like cT1")
    check(same(left, make(nodes="N1")), "N1 looks like N0")
    chances = breast.SEROMA, breast.FAINT_SCAR, breast.CLIPS
    try:
        breast.SEROMA = breast.FAINT_SCAR = breast.CLIPS = 0.0
        plain = [make(side=side) for side in known.SIDES]
        check(same(plain[0], plain[1]) and same(plain[0], plain[2]), "without traces left, right and both look alike")
        check(numpy.array_equal(plain[2].label, plain[0].label | plain[1].label), "bilateral is the union of left and right")
        check(not (plain[0].label & plain[1].label).any(), "left and right do not meet")
        breast.SEROMA = breast.CLIPS = 1.0
        for sign, side in ((-1, "left"), (1, "right")):
            traced = make(side=side, spacing=(3.0, 3.0, 3.0))
            clip = numpy.argwhere(numpy.isin(traced.structures, (Structure.SEROMA, Structure.CLIP)))
            check(len(clip) > 5, "traces are drawn where chance says so")
            spine = middle(traced, Structure.CANAL)[0]
            check((sign * (traced.affine[0, 3] + 3.0 * clip[:, 0] - spine) > 0).all(), "in the treated breast")
    finally:
        breast.SEROMA, breast.FAINT_SCAR, breast.CLIPS = chances


def test_asked():
    """A wrong word moves the target on the body as it is, and nothing else."""
    true = make(surgery=MASTECTOMY)
    wrong = make_patient(3, "internal", true.facts, COARSE, dataclasses.replace(true.facts, side="right"))
    both = make_patient(3, "internal", true.facts, COARSE, dataclasses.replace(true.facts, side="bilateral"))
    check(same(true, wrong) and wrong.facts == true.facts, "other words, the same image")
    check(wrong.label.any() and not (wrong.label & true.label).any(), "the other side is drawn")
    check(numpy.array_equal(both.label, true.label | wrong.label), "or both")


class Drawn:
    """Anatomy on the working grid, to ask the rules themselves."""

    def __init__(self, seed, hospital, facts):
        self.body = Body([seed, list(HOSPITALS).index(hospital)], HOSPITALS[hospital], facts)
        self.canvas = Canvas(GRID)
        self.outline = patient.paint(self.canvas, self.body)
        self.anatomy = rules.Anatomy(self.canvas, self.body, self.outline)

    def with_facts(self, **facts):
        """The target under other facts of the same surgery: bool [x, y, z]."""
        return rules.target(self.canvas, self.body, self.outline, dataclasses.replace(self.body.facts, **facts)) > 0

    def ml(self, mask):
        return float(mask.sum() * numpy.prod(GRID) / 1000)

    def region(self, rule, *more):
        mask = numpy.zeros(self.canvas.shape, bool)
        box, distance = rule(self.anatomy, -1, *more)
        mask[box] = distance > 0
        return mask

    def centre(self, mask):
        return [float(axis[index].mean()) for axis, index in zip(self.canvas.axes, numpy.nonzero(mask))]


def test_rules(seed, hospital, surgery):
    drawn = Drawn(seed, hospital, Facts("left", surgery, "cT1", "N0"))
    name = f"{hospital} {seed}, {surgery}"
    nested = [drawn.with_facts(nodes=n) for n in known.NODES]
    for n, (small, large) in enumerate(zip(nested, nested[1:])):
        check(not (small & ~large).any() and drawn.ml(large) > drawn.ml(small) + 3, f"{name}: N{n + 1} contains N{n} and is larger")
    early = nested[0]
    late = drawn.with_facts(stage="cT4")
    check(all(numpy.array_equal(early, drawn.with_facts(nodes="N0", stage=t)) for t in ("cT2", "cT3")), f"{name}: cT1 to cT3 are one target")
    # A true distance, as a referee of the analytic one; its own error is about half a voxel's diagonal.
    depth = ndimage.distance_transform_edt(drawn.outline.skin > 0, sampling=GRID)
    check(depth[early].min() > rules.SKIN - 2.5, f"{name}: {depth[early].min():.1f} mm of skin are left out")
    more = late & ~early
    check(not (early & ~late).any() and more.any() and depth[more].max() < rules.SKIN + 4.5, f"{name}: T4 takes the skin in, and nothing else")
    near = late & (depth < 3.1)
    check(near.sum() > 30 and not (early & (depth < 3.1)).any(), f"{name}: T4 reaches the surface")
    lungs = drawn.canvas.is_in(Structure.LUNG, Structure.LUNG_VESSEL, Structure.HEART, Structure.VERTEBRA, Structure.HUMERUS)
    check((nested[3] & lungs).sum() <= 0.002 * nested[3].sum(), f"{name}: no lung, heart, spine or arm in the target")
    inner = drawn.canvas.is_in(Structure.RIB, Structure.CARTILAGE, Structure.CHEST_WALL)
    share = (early & inner).sum() / early.sum()
    check(share > 0.15 if surgery == MASTECTOMY else share < 0.02, f"{name}: ribs and their muscles make {100 * share:.0f} % of the target")
    gland = drawn.canvas.is_in(Structure.GLAND) & (drawn.canvas.at()[0] < 0)
    if surgery == MASTECTOMY:
        check(not gland.any(), f"{name}: no gland on the treated side")
    elif gland.sum() > 50:
        check((gland & early).sum() > 0.93 * gland.sum(), f"{name}: the target holds the gland")
    return drawn


# ml. Levels: the ranges that atlases and studies of contours show for women of any build; ours are drawn for supine arms-up CTs.
VOLUMES = (
    (rules.level_1, 30, 110), (rules.level_2, 4, 30), (rules.level_3, 5, 22), (rules.supraclavicular, 8, 30), (rules.internal_mammary, 4, 16),
)


def test_levels(drawn, name):
    regions = {rule: drawn.region(rule) for rule, _, _ in VOLUMES}
    for rule, low, high in VOLUMES:
        check(low < drawn.ml(regions[rule]) < high, f"{name}: {rule.__name__} has {drawn.ml(regions[rule]):.1f} ml, of {low} to {high}")
    rule, low = (rules.chest_wall, 120) if drawn.body.breasts[-1].missing else (rules.whole_breast, 60)
    ml = drawn.ml(drawn.region(rule, 5.0))
    check(low < ml < 2500, f"{name}: {rule.__name__} has {ml:.0f} ml")
    x = [-drawn.centre(regions[rule])[0] for rule, _, _ in VOLUMES]
    check(x[0] > x[1] > x[2] > x[3] > x[4] > 10, f"{name}: levels I, II, III, IV and mammary follow one another to the middle")
    z = [drawn.centre(regions[rule])[2] for rule, _, _ in VOLUMES]
    check(z[3] > z[0] + 20 and z[3] > z[4] + 20, f"{name}: supraclavicular lies above level I and the mammary chain")
    check(not (regions[rules.level_1] & regions[rules.level_2]).any(), f"{name}: levels I and II do not meet")


# HU of the median voxel, wide enough for every patient's own tissues and for contrast medium.
TISSUES = {
    Structure.AIR: (-1024, -950), Structure.FAT: (-140, -70), Structure.GLAND: (-40, 90), Structure.MUSCLE: (15, 90),
    Structure.PECTORALIS_MAJOR: (10, 90), Structure.CHEST_WALL: (0, 100), Structure.RIB: (120, 800), Structure.STERNUM: (100, 600),
    Structure.VERTEBRA: (90, 500), Structure.CANAL: (0, 110), Structure.CLAVICLE: (150, 1000), Structure.HUMERUS: (80, 900),
    Structure.LUNG: (-950, -680), Structure.MEDIASTINUM: (-130, -40), Structure.HEART: (20, 220), Structure.VESSEL: (10, 250),
    Structure.LIVER: (25, 150), Structure.CARTILAGE: (40, 300),
}


def test_tissues(p, name):
    for code, (low, high) in TISSUES.items():
        found = p.structures == code
        if code in (Structure.AIR, Structure.FAT, Structure.LUNG, Structure.LIVER, Structure.MUSCLE):
            found = ndimage.binary_erosion(found)
        value = float(numpy.median(p.image[found])) if found.sum() > 20 else numpy.nan
        check(low < value < high, f"{name}: {code.name.lower()} {value:.0f} HU, {low} to {high} expected")
    present = set(numpy.unique(p.structures))
    wanted = set(Structure) - {Structure.SEROMA, Structure.CLIP, Structure.NODE, Structure.THYROID, Structure.GLAND, Structure.FINDING}
    check(wanted <= present, f"{name}: missing {[c.name for c in wanted - present]}")
    outside = numpy.isin(p.structures, (Structure.AIR, Structure.COUCH))
    check(not p.label[outside].any(), f"{name}: the target lies in the body")


def test_facts():
    for hospital in HOSPITALS:
        random = numpy.random.default_rng(1)
        drawn = [draw_facts(random, hospital) for _ in range(400)]
        for field, values in (("side", known.SIDES), ("surgery", known.SURGERIES), ("stage", known.STAGES), ("nodes", known.NODES)):
            for value, chance in zip(values, known.CHANCES[hospital][field]):
                share = numpy.mean([getattr(f, field) == value for f in drawn])
                # Four deviations of a share of 400.
                check(abs(share - chance) < 4 * (chance * (1 - chance) / 400) ** 0.5, f"{hospital}: {value} in {share:.2f}, chance {chance}")


def test_missing():
    """After a mastectomy half of the women lack the other breast too: what is flat is no proof of the side."""
    flat = [[Body([s, 0], HOSPITALS["internal"], Facts(side, MASTECTOMY, "cT1", "N0")).breasts for s in range(120)] for side in ("left", "right")]
    both = [b[-1].missing and b[1].missing for b in itertools.chain(*flat)]
    check(all(b[-1].missing for b in flat[0]) and all(b[1].missing for b in flat[1]), "the treated breast is missing")
    check(0.35 < numpy.mean(both) < 0.65, f"both are missing in {numpy.mean(both):.2f}")


def scan(hospital, seed):
    """Noise (HU) and its correlation between neighbours in a cylinder of water; the field of view, mm."""
    random = numpy.random.default_rng(seed)
    place = HOSPITALS[hospital]
    grid = sampling.Grid(random, place, (1.0, 1.0, 25.0))
    x, y = grid.axes[0][:, None, None], (grid.axes[1] - grid.axes[1].mean())[None, :, None]
    hu = numpy.where(numpy.hypot(x, y) < 140, 0.0, -1000.0).astype(numpy.float32) + numpy.zeros(grid.shape, numpy.float32)
    image = scanner.expose(hu, grid, place, random).astype(float)
    cx, cy = grid.shape[0] // 2, grid.shape[1] // 2
    part = image[cx - 40:cx + 40, cy - 40:cy + 40]
    part = part - part.mean()
    return part.std(), (part[:, 1:] * part[:, :-1]).mean() / part.var(), grid.shape[0] * 1.0


def test_hospitals():
    rows = {hospital: numpy.array([scan(hospital, seed) for seed in range(4)]) for hospital in HOSPITALS}
    inside, outside = rows["internal"], rows["external"]
    check(outside[:, 0].mean() > 1.5 * inside[:, 0].mean(), f"external noise {outside[:, 0].mean():.1f} HU, internal {inside[:, 0].mean():.1f}")
    check(outside[:, 1].max() < inside[:, 1].min() - 0.1, f"external grain is finer: {outside[:, 1].max():.2f} and {inside[:, 1].min():.2f}")
    check(outside[:, 2].max() <= inside[:, 2].min(), "the external field of view is narrower")
    check(not set(HOSPITALS["internal"].spacings) & set(HOSPITALS["external"].spacings), "no spacing in common")
    build = {h: numpy.mean([Body([s, 0], place, Facts("left", BCS, "cT1", "N0")).build for s in range(100)]) for h, place in HOSPITALS.items()}
    check(build["external"] > build["internal"] + 0.1, f"external women are larger: {build}")
    tilt = {h: numpy.mean([sampling.Position(numpy.random.default_rng(s), place).tilt for s in range(20)]) for h, place in HOSPITALS.items()}
    check(tilt["external"] > tilt["internal"] + 3, f"and lie on a steeper board: {tilt}")


left, right = make(), make(side="right")
test_seeds(left)
test_arrays(left)
test_sides(left, right)
test_unseen(left, right)
test_asked()
for seed, hospital, surgery in ((1, "internal", BCS), (2, "internal", MASTECTOMY), (5, "external", BCS), (6, "external", MASTECTOMY)):
    test_levels(test_rules(seed, hospital, surgery), f"{hospital} {seed}")
test_tissues(make(seed=8, side="bilateral", nodes="N3", spacing=(3.0, 3.0, 4.0)), "internal 8")
test_tissues(make(seed=9, hospital="external", nodes="N3", spacing=(3.0, 3.0, 4.0)), "external 9")
test_facts()
test_missing()
test_hospitals()
finish()
