"""How physicians write the facts down. Internal: the bundle's template and a few variants of it. External: 36 habits of other people.

Template and field names are those of the bundle's manifest (`network.text.template` and `.fields`). A bilateral case joins two with "; ", as the
published texts do. A dropped fact reads "unknown" in the internal texts and is left out of the external ones. No external text occurs among the
internal ones, and each is plain about every fact that it names (the tests read them back).
"""
import re

from . import facts as known

TEMPLATE = "{n_stage}, {t_stage}, {surgery}, {side} side"
FIELDS = {
    "side": ("left", "right", "unknown"),
    "n_stage": (*known.NODES, "unknown"),
    "t_stage": (*known.STAGES, "unknown"),
    "surgery": ("breast conserving surgery", "total mastectomy surgery", "unknown type surgery"),
}
# The template's field of each fact.
NAMES = {"side": "side", "nodes": "n_stage", "stage": "t_stage", "surgery": "surgery"}
INTERNAL = (
    TEMPLATE,
    "{t_stage}, {n_stage}, {surgery}, {side} side",
    "{side} side, {n_stage}, {t_stage}, {surgery}",
    "{surgery}, {side} side, {t_stage}, {n_stage}",
    "{side} side, {surgery}, {n_stage}, {t_stage}",
)
JOIN = "; "

# Spellings of an external text. Where the side is dropped the last word stands.
SIDES = {
    "word": ("left", "right", "bilateral", ""), "Word": ("Left", "Right", "Bilateral", ""), "CAPS": ("LEFT", "RIGHT", "BILATERAL", ""),
    "short": ("Lt", "Rt", "Bilat", ""), "dot": ("Lt.", "Rt.", "Bilat.", ""), "letter": ("L", "R", "L+R", ""),
    "sided": ("left-sided", "right-sided", "bilateral", ""), "latin": ("sin.", "dext.", "bilat.", ""),
    "both": ("the left breast", "the right breast", "both breasts", "the breast"),
}
OPERATIONS = {
    "short": ("BCS", "TM"), "lump": ("lumpectomy", "mastectomy"), "word": ("breast-conserving surgery", "total mastectomy"),
    "simple": ("wide local excision", "simple mastectomy"), "wide": ("WLE", "Mx"), "part": ("partial mastectomy", "total mastectomy"),
    "cut": ("lumpect.", "mastect."), "plain": ("breast conserved", "breast removed"),
    "latin": ("quadrantectomy", "ablatio mammae"),
}
TUMOURS = {"c": "cT{}", "T": "T{}", "word": "stage T{}", "clinical": "clinical T{}"}
NODAL = {"p": "pN{}", "N": "N{}", "c": "cN{}", "word": "nodal stage N{}"}

# {S} side, {O} operation, {T} {N} stages, {TN} both run together. A part in [ ] goes when none of its facts is known.
# After the text: the spellings of side, operation, tumour and nodes.
EXTERNAL = (
    ("{S} breast ca[, s/p {O}][, {T}][, {N}]", "short short c p"),
    ("{S} breast ca[, s/p {O}][, {N}][, ({T})]", "short short T p"),
    ("{S} breast cancer[ {TN}][, post {O}]", "Word lump T N"),
    ("Ca breast[ {S}][ - {T}][ - {N}][ - {O}]", "CAPS lump T N"),
    ("Ca mammae {S}[, {T}][ {N}][, post {O}]", "latin latin c p"),
    ("[s/p {O} for ]{S} breast cancer[, {TN}]", "word lump T N"),
    ("[{O} ][{T} ][{N} ]{S} breast", "letter wide c p"),
    ("Adjuvant radiotherapy, {S} breast[, after {O}][. {T}][ {N}]", "word word c c"),
    ("IDC {S} breast[ {TN}M0][, {O} done]", "word short T N"),
    ("This patient has {S} breast carcinoma[, {N}][, {T}][; treated by {O}].", "sided word c word"),
    ("Please contour the CTV for {S}[ after {O}][. TNM: {T}][ {N}]", "both lump T N"),
    ("Pt with {S} breast ca.[ Surgery: {O}.][ Nodes: {N}.][ Tumor: {T}.]", "short short T N"),
    ("Dx: {S} breast malignancy[ / Op: {O}][ / {T}][ / {N}]", "CAPS short T N"),
    ("[Laterality: {S} | ][Surgery: {O} | ][cT: {T} | ][cN: {N} | ]breast", "CAPS word c c"),
    ("[{TN}M0 ]{S} breast cancer[, {O}]", "short simple T N"),
    ("[{N} ]{S} breast[, {O}][, tumour {T}]", "dot cut T p"),
    ("{S} br ca[ {TN}][ s/p {O}], for PORT", "letter short T N"),
    ("PORT planning: {S} breast[, {O}][, {N}][ / {T}]", "dot lump T N"),
    ("Breast[, {S}][; {O}][; {N}][; {T}]", "word simple c p"),
    ("[{O}, ]{S} breast[, {N} disease][, {T} primary]", "sided lump T N"),
    ("Carcinoma of {S}[: {O}][; {T}][ {N}]", "both simple word N"),
    ("61F, {S} breast tumor[, {TN}][, underwent {O}]", "short part T N"),
    ("F/54 {S} breast cancer[ s/p {O}][ {T}][ {N}]", "dot short c p"),
    ("Woman, 47 y, {S} mammary carcinoma[, {T}][, {N}][, after {O}]", "sided latin T p"),
    ("[Status after {O}, ]breast {S}[, {T}][, {N}]", "word latin c p"),
    ("[Z.n. {O}, ]Mamma {S}[, {TN}]", "latin short c p"),
    ("Postoperative radiotherapy of {S}.[ {N}.][ {T}.][ Surgery: {O}.]", "both plain clinical word"),
    ("Tumour of {S}[, {T}][, {N}][; {O}]", "both plain T N"),
    ("{S} breast:[ {N}][, {O}][, {T}]", "Word wide c N"),
    ("Irradiation of {S} breast[ ({TN})][, h/o {O}]", "CAPS cut T N"),
    ("[h/o {O}, ]{S} breast[; {T}][; path {N}]", "letter wide c p"),
    ("[{N} on pathology, ][{T} at diagnosis, ]{S} breast[, {O}]", "Word lump c p"),
    ("Referral: breast radiotherapy {S}.[ {O} six weeks ago.][ {T}.][ {N}.]", "CAPS word word word"),
    ("DCIS+IDC {S} breast[, {O}][, {T}][, {N}], margins clear", "short lump T p"),
    ("Known {S} breast cancer[ ({T})][ ({N})][, now post {O}]", "sided part c c"),
    ("breast ca[ {S}][, {TN}][, OP {O}]", "letter cut T N"),
)


def spell(facts, drop, style):
    """The facts in a text's spellings; a dropped one is empty."""
    side, operation, tumour, nodal = style.split()
    at = len(known.SIDES) if "side" in drop else known.SIDES.index(facts.side)
    word = {
        "S": SIDES[side][at],
        "O": "" if "surgery" in drop else OPERATIONS[operation][known.SURGERIES.index(facts.surgery)],
        "T": "" if "stage" in drop else TUMOURS[tumour].format(facts.stage[2]),
        "N": "" if "nodes" in drop else NODAL[nodal].format(facts.nodes[1]),
    }
    return dict(word, TN=word["T"] + word["N"])


def external_text(facts, drop, form, style):
    word = spell(facts, drop, style)

    def part(match):
        return match[1] if any(word[key] for key in re.findall(r"{(\w+)}", match[1])) else ""

    text = re.sub(r"\[([^\]]*)\]", part, form).format(**word)
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r" (?=[,.;:])", "", text)


def internal_text(facts, drop=(), form=TEMPLATE):
    """The text that a bundle's cache holds. drop: names of facts (side, surgery, stage, nodes) that read "unknown"."""
    value = {"n_stage": facts.nodes, "t_stage": facts.stage, "surgery": FIELDS["surgery"][known.SURGERIES.index(facts.surgery)], "side": facts.side}
    for name in drop:
        value[NAMES[name]] = FIELDS[NAMES[name]][-1]
    sides = ("left", "right") if value["side"] == "bilateral" else (value["side"],)
    return JOIN.join(form.format(**dict(value, side=side)) for side in sides)


def write_prompt(facts, hospital, rng, drop=()):
    """One text as a physician of `hospital` writes it. rng: numpy Generator; drop: names of facts that the writer leaves open."""
    unknown = set(drop) - set(NAMES)
    if unknown:
        raise ValueError(f"drop {sorted(unknown)}: unknown facts (known: {', '.join(NAMES)})")
    if hospital == "internal":
        # More than half the texts are the template itself.
        return internal_text(facts, drop, INTERNAL[max(0, int(rng.integers(-4, len(INTERNAL))))])
    if hospital == "external":
        return external_text(facts, drop, *EXTERNAL[int(rng.integers(len(EXTERNAL)))])
    raise ValueError(f"hospital {hospital!r}: unknown (known: internal, external)")
