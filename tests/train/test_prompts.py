"""plugin/train/patients/prompts.py: template and fields, no external text among the internal ones, every text read back by rules of its own."""
import itertools
import re

import numpy

from support import check, finish, refused

from patients import Facts, write_prompt
from patients import facts as known, prompts
from recipe import paraphrase

BCS, MASTECTOMY = known.SURGERIES
ALL = [Facts(*row) for row in itertools.product(known.SIDES, known.SURGERIES, known.STAGES, known.NODES)]
NAMES = ("side", "surgery", "stage", "nodes")
DROPS = [drop for n in range(5) for drop in itertools.combinations(NAMES, n)]

# How a reader who has never seen the tables takes the words.
LEFT, RIGHT = r"\b(left|lt|l|sin)\b", r"\b(right|rt|r|dext)\b"
BOTH = r"\b(bilateral|bilat|two-sided|both breasts)\b"
KEPT = r"\b(bcs|breast conservation|conserving operation|tumour excision|lumpectomy|lumpect|breast[- ]conserving|breast conserved|wide local excision|wle|partial mastectomy|quadrantectomy)\b"
GONE = r"\b(tm|ablation of the breast|removal of the whole breast|(?<!partial )mastectomy|mastect|mx|ablatio mammae|breast removed)\b"


def found(pattern, text):
    return re.search(pattern, text, re.IGNORECASE) is not None


def read(text):
    """{fact: the set of what the text says}; a plain text says one thing, or nothing, of each fact."""
    left, right = found(LEFT, text), found(RIGHT, text)
    sides = {"bilateral"} if found(BOTH, text) or (left and right) else {s for s, there in (("left", left), ("right", right)) if there}
    surgery = {name for name, pattern in ((BCS, KEPT), (MASTECTOMY, GONE)) if found(pattern, text)}
    stage, nodes = ({letter + d for d in re.findall(letter[-1] + r"(?:-stage )?(\d)", text, re.IGNORECASE)} for letter in ("cT", "N"))
    return {"side": sides, "surgery": surgery, "stage": stage, "nodes": nodes}


def wanted(facts, drop):
    return {name: set() if name in drop else {getattr(facts, name)} for name in NAMES}


def plain(text):
    return re.sub(r"[^a-z0-9+]+", " ", text.lower()).strip()


def test_template():
    case = Facts("left", BCS, "cT2", "N1")
    check(prompts.internal_text(case) == "N1, cT2, breast conserving surgery, left side", "the published form")
    check(prompts.internal_text(Facts("right", MASTECTOMY, "cT4", "N0")) == "N0, cT4, total mastectomy surgery, right side", "a mastectomy")
    check(prompts.internal_text(case, NAMES) == "unknown, unknown, unknown type surgery, unknown side", "dropped fields")
    both = prompts.internal_text(Facts("bilateral", BCS, "cT1", "N3"))
    check(both == "N3, cT1, breast conserving surgery, left side; N3, cT1, breast conserving surgery, right side", "both sides")
    names = re.findall(r"{(\w+)}", prompts.TEMPLATE)
    check(sorted(names) == sorted(prompts.FIELDS), "the template names its fields")
    check(prompts.TEMPLATE == "{n_stage}, {t_stage}, {surgery}, {side} side", "and is that of the contract")
    cached = {prompts.TEMPLATE.format(**dict(zip(prompts.FIELDS, row))) for row in itertools.product(*prompts.FIELDS.values())}
    sides = {part for facts in ALL for drop in DROPS for part in prompts.internal_text(facts, drop).split(prompts.JOIN)}
    check(sides == cached and len(cached) == 3 * 5 * 5 * 3, f"{len(sides)} texts of one side, {len(cached)} combinations of the fields")


def test_external():
    check(len(set(form for form, _ in prompts.EXTERNAL)) >= 30, f"{len(prompts.EXTERNAL)} phrasings")
    internal = {plain(prompts.internal_text(f, drop, form)) for f in ALL for drop in DROPS for form in prompts.INTERNAL}
    parts = {part for text in internal for part in (text, text.split(" left side")[0], text.split(" right side")[0])}
    seen, wrong, ugly = set(), [], []
    for form, style in prompts.EXTERNAL:
        for facts, drop in itertools.product(ALL, DROPS):
            text = prompts.external_text(facts, drop, form, style)
            if read(text) != wanted(facts, drop):
                wrong.append((text, facts, drop))
            if text != text.strip() or re.search(r"[{}\[\]]|  |,,|,;|^[,.;:]| $|\(\)", text) or not text:
                ugly.append(text)
            seen.add(plain(text))
    check(len(seen) > 5000 and len(internal) > 500, f"{len(seen)} external texts, {len(internal)} internal ones")
    check(not seen & parts, f"external texts among the internal ones: {sorted(seen & parts)[:3]}")
    check(not wrong, f"{len(wrong)} texts are not plain, such as {wrong[:3]}")
    check(not ugly, f"{len(ugly)} texts are torn, such as {ugly[:3]}")
    whole = {}
    for form, style in prompts.EXTERNAL:
        whole.setdefault(plain(prompts.external_text(ALL[0], (), form, style)), []).append(form)
    check(len(whole) == len(prompts.EXTERNAL), "each is a text of its own")


def test_writer():
    case, random = Facts("left", BCS, "cT3", "N1"), numpy.random.default_rng(5)
    texts = {hospital: [write_prompt(case, hospital, random) for _ in range(1500)] for hospital in ("internal", "external")}
    check(len(set(texts["internal"])) == len(prompts.INTERNAL) and len(set(texts["external"])) == len(prompts.EXTERNAL), "every phrasing is used")
    check(texts["internal"].count(prompts.internal_text(case)) > 600, "most internal texts are the template itself")
    again = [write_prompt(case, "external", numpy.random.default_rng(9), ("nodes",)) for _ in range(2)]
    check(again[0] == again[1] and "N1" not in again[0], "seeded; a dropped fact is not named")
    refused(ValueError, lambda: write_prompt(case, "elsewhere", random), ("elsewhere",), "an unknown hospital")
    refused(ValueError, lambda: write_prompt(case, "internal", random, ("size",)), ("size",), "an unknown fact")


def test_paraphrase():
    """Texts for training in other words: each is plain, none is one of the external hospital's, and every spelling that both use is listed."""
    random, external = numpy.random.default_rng(3), set()
    for form, style in prompts.EXTERNAL:
        external |= {plain(prompts.external_text(facts, drop, form, style)) for facts, drop in itertools.product(ALL, DROPS)}
    seen, wrong, ugly = set(), [], []
    for number in range(20000):
        facts, drop = ALL[number % len(ALL)], DROPS[number // len(ALL) % len(DROPS)]
        text = paraphrase.paraphrase(facts, random, drop)
        if read(text) != wanted(facts, drop):
            wrong.append((text, facts, drop))
        if text != text.strip() or re.search(r"[{}\[\]]|  |,,|,;|^[,.;:]|[ ,;]$|\(\)", text):
            ugly.append(text)
        seen.add(plain(text))
    check(len(seen) > 8000, f"{len(seen)} texts")
    check(not wrong, f"{len(wrong)} texts are not plain, such as {wrong[:3]}")
    check(not ugly, f"{len(ugly)} texts are torn, such as {ugly[:3]}")
    check(not seen & external, f"texts of the external hospital: {sorted(seen & external)[:3]}")
    own = [[w for row in table for w in row] for table in (paraphrase.SIDES, paraphrase.OPERATIONS)]
    theirs = [[w for row in table.values() for w in row if w] for table in (prompts.SIDES, prompts.OPERATIONS)]
    both = {w for a, b in zip(own, theirs) for w in set(a) & set(b)} | (set(paraphrase.TUMOURS) & set(prompts.TUMOURS.values())) | \
        (set(paraphrase.NODAL) & set(prompts.NODAL.values()))
    check(both == set(paraphrase.SHARED), f"spellings of both, listed and found: {sorted(both ^ set(paraphrase.SHARED))}")


test_template()
test_external()
test_paraphrase()
test_writer()
finish()
