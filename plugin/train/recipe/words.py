"""From clinical facts to words and token ids: the bundle's template, texts with missing fields, mirrored facts, `ctvk tokenize`."""
import dataclasses
import itertools
import json
import os
import subprocess

import numpy

from recipe.config import Refused

UNKNOWN = "unknown"
TEMPLATE = "{n_stage}, {t_stage}, {surgery}, {side} side"
# Values of the template's fields, in the order of the facts they stand for; the last of each says that nothing is known.
FIELDS = {
    "n_stage": ["N0", "N1", "N2", "N3", "unknown nodal stage"],
    "t_stage": ["cT1", "cT2", "cT3", "cT4", "unknown tumour stage"],
    "surgery": ["breast conserving surgery", "total mastectomy surgery", "unknown type surgery"],
    "side": ["left", "right", "bilateral", "unknown"],
}
# Name of a fact: name of its field.
FACTS = {"nodes": "n_stage", "stage": "t_stage", "surgery": "surgery", "side": "side"}
MIRRORED = {"left": "right", "right": "left"}


def field_value(name, value):
    """A fact's value as the template's field says it; None: unknown."""
    choices = FIELDS[FACTS[name]]
    found = [c for c in choices if value is not None and (c == value or c == f"{value} surgery")]
    return found[0] if found else choices[-1]


def template_prompt(facts, drop=()):
    """The template filled with a patient's facts; facts in `drop` are unknown."""
    values = {field: field_value(name, None if name in drop else getattr(facts, name)) for name, field in FACTS.items()}
    return TEMPLATE.format(**values)


def all_prompts():
    """Every combination of the template's fields."""
    return [TEMPLATE.format(**dict(zip(FIELDS, values))) for values in itertools.product(*FIELDS.values())]


def mirrored(facts):
    """The facts of the mirrored patient."""
    return dataclasses.replace(facts, side=MIRRORED.get(facts.side, facts.side))


def one_hot(facts, drop=()):
    """float32 [17]: each fact's value, or that it is unknown."""
    parts = []
    for name, field in FACTS.items():
        value = field_value(name, None if name in drop else getattr(facts, name))
        parts += [value == choice for choice in FIELDS[field]]
    return numpy.array(parts, numpy.float32)


ONE_HOT = sum(len(values) for values in FIELDS.values())


class Text:
    """One text of a patient: the words and, where it is known, the same knowledge as one-hot facts."""

    def __init__(self, words, hot=None):
        self.words, self.hot = words, hot


def bank(facts, hospital, seed, count, drop, write_prompt):
    """`count` texts of one patient, the first with every field; from the second on each field is missing by the chance `drop`."""
    random, texts = numpy.random.default_rng(seed), []
    for number in range(count):
        missing = tuple(name for name in FACTS if number and random.random() < drop)
        texts.append(Text(write_prompt(facts, hospital, random, missing), one_hot(facts, missing)))
    return texts


class Tokens:
    """Token ids by `ctvk tokenize`, so that training reads words as the library does. Answers are kept."""

    def __init__(self, command, llm):
        self.command, self.llm, self.known = command, llm, {}

    def learn(self, texts):
        """Asks for all new texts at once; training calls this before its first step."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        if not new:
            return
        lines = "".join(json.dumps({"text": text}) + "\n" for text in new)
        try:
            done = subprocess.run([self.command, "tokenize", "--llm", self.llm, "--jsonl"], input=lines, text=True, capture_output=True)
        except OSError as problem:
            raise Refused(f"{self.command}: {problem.strerror} (build ctvk, or name it with --ctvk)") from None
        if done.returncode:
            raise Refused(f"{self.command} tokenize: {done.stderr.strip()}")
        answers = [json.loads(line)["tokens"] for line in done.stdout.splitlines()]
        if len(answers) != len(new):
            raise Refused(f"{self.command} tokenize: {len(answers)} answers to {len(new)} texts")
        self.known.update(zip(new, answers))

    def __call__(self, text):
        self.learn([text])
        return self.known[text]


def default_llm():
    """Where `./run demo` puts the language model, and ctvk looks for it."""
    home = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(home, "ctvk", "SmolLM2-135M-Instruct.Q4_1.gguf")
