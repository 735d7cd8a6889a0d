"""Text augmentation: the internal hospital's facts in other words, so that a network learns what is said, not one way to say it.

These forms are written for training alone. No text of the external hospital is among them (tests/train/test_prompts.py compares all of both), but
some of its spellings are: SHARED lists which. docs/evidence.md says so where it speaks of free phrasings.
"""
import re

from patients import facts as known

# Spellings, each a tuple in the order of the facts' values.
SIDES = (
    ("left", "right", "bilateral"), ("left", "right", "bilateral"), ("Left", "Right", "Bilateral"), ("LEFT", "RIGHT", "BILATERAL"),
    ("left-sided", "right-sided", "bilateral"), ("Lt", "Rt", "Bilat"), ("L", "R", "L and R"), ("left sided", "right sided", "two-sided"),
)
OPERATIONS = (
    ("breast conserving surgery", "total mastectomy surgery"), ("breast conserving surgery", "total mastectomy"), ("breast conservation", "mastectomy"),
    ("BCS", "TM"), ("lumpectomy", "mastectomy"), ("conserving operation", "ablation of the breast"), ("tumour excision", "removal of the whole breast"),
)
TUMOURS = ("cT{}", "cT{}", "T{}", "T-stage {}", "ct{}", "tumour stage T{}")
NODAL = ("N{}", "N{}", "pN{}", "cN{}", "N-stage {}", "n{}", "nodes N{}")
SHARED = ("left", "right", "bilateral", "Left", "Right", "Bilateral", "LEFT", "RIGHT", "BILATERAL", "left-sided", "right-sided", "Lt", "Rt", "Bilat",
          "L", "R", "BCS", "TM", "lumpectomy", "mastectomy", "total mastectomy", "cT{}", "T{}", "pN{}", "cN{}", "N{}")

# {S} side, {O} operation, {T} and {N} stages. A part in [ ] goes when its facts are not known.
FORMS = (
    "breast to irradiate ({S})[, {O}][, {N}][, {T}]", "[{N}, ][{T}, ]breast side {S}[ after {O}]", "[{T} ][{N} ]tumour of the {S} side[, treated with {O}]",
    "Breast cancer {S}[, {T}][, {N}][, {O}]", "{S} side[: {O}][; {N}][; {T}]", "side {S}[, nodes {N}][, tumour {T}][, operation {O}]",
    "The {S} side was operated on[ by {O}].[ {T}, ][{N}]", "Radiotherapy after {O}, {S}[, {N}][, {T}]", "[{N} ]{S}[ {T}][ {O}]",
    "Target: {S}[; surgery: {O}][; T: {T}][; N: {N}]", "A woman with cancer on the {S} side[, {T}][, {N}], who had {O}", "{S}[/{O}][/{T}][/{N}]",
    "mammary gland {S}[: {T}][, {N}][, {O}]", "[Operation: {O}. ]Side: {S}.[ Stage: {T}][ {N}.]", "[{T}][{N}] on the {S} side[, {O}]", "[{N}][{T}]: {S} side[, {O}]",
    "Irradiate {S} side[ after {O}][ because of {T}][ {N}]", "Treatment planning: breast {S}[ {O}][ {N}][ {T}]",
    "Contour {S}[, {N}][, {T}][, {O}]", "breast tumour {S}[ ({T})][ ({N})][ - {O}]", "[{N} - ][{T} - ][{O} - ]{S}",
    "invasive cancer, {S} side[, {T}][, {N}][, operated: {O}]", "[after {O}: ]breast to treat: {S}[, {N}][, {T}]", "patient for irradiation, {S}[, {O}][, {N}][, {T}]",
)


def paraphrase(facts, random, drop=()):
    """One text. random: numpy Generator; drop: names of facts that are left out."""
    form, pick = FORMS[int(random.integers(len(FORMS)))], lambda table: table[int(random.integers(len(table)))]
    side = pick(SIDES)
    word = {"S": "side unknown" if "side" in drop else side[known.SIDES.index(facts.side)],
            "O": "" if "surgery" in drop else pick(OPERATIONS)[known.SURGERIES.index(facts.surgery)],
            "T": "" if "stage" in drop else pick(TUMOURS).format(facts.stage[2]),
            "N": "" if "nodes" in drop else pick(NODAL).format(facts.nodes[1])}

    def part(match):
        return match[1] if all(word[key] for key in re.findall(r"{(\w)}", match[1])) else ""

    text = re.sub(r"\[([^\]]*)\]", part, form)
    # Outside of brackets too a fact may be missing: its words go up to the next mark.
    for key in "OTN":
        if not word[key]:
            text = re.sub(r"(?:, who had | after | )?{%s}" % key, "", text)
    return re.sub(r" (?=[,.;:])", "", re.sub(r"\s+", " ", text.format(**word))).strip(" ,;:")
