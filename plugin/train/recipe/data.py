"""Patients of a cohort in memory, and which of them a training step sees."""
import numpy

from recipe import sampler, words


class Cases:
    """cases: cohort.Case with image and label loaded; texts[i]: the texts of case i, mirrored[i]: those of its mirror image.

    batch(step) depends on the seed and the step alone.
    """

    def __init__(self, cases, config, texts, mirrored):
        self.cases, self.config, self.texts, self.mirrored = cases, config, texts, mirrored

    @classmethod
    def of_cohort(cls, cases, config, write_prompt):
        """Texts are written as the patient's own hospital writes them."""
        texts, mirrored = [], []
        for case in cases:
            for facts, out in ((case.facts, texts), (words.mirrored(case.facts), mirrored)):
                out.append(words.bank(facts, case.writes, [case.seed, 11], config.texts, config.drop, write_prompt, config.paraphrase))
        return cls(cases, config, texts, mirrored)

    def all_words(self):
        return [text.words for bank in self.texts + (self.mirrored if self.config.mirror else []) for text in bank]

    def all_texts(self):
        return [text for bank in self.texts for text in bank]

    def order(self, epoch):
        return numpy.random.default_rng([self.config.seed, 12, epoch]).permutation(len(self.cases))

    def batch(self, step):
        """[(image, target, text)] of a step; images [1, 1, x, y, z], targets [1, x, y, z]."""
        chosen = []
        for place in range(self.config.batch):
            number = step * self.config.batch + place
            epoch, at = divmod(number, len(self.cases))
            index = int(self.order(epoch)[at])
            random = numpy.random.default_rng([self.config.seed, 13, step, place])
            case = self.cases[index]
            image, target, flipped = sampler.sample(case.image, case.label, self.config, random)
            bank = (self.mirrored if flipped else self.texts)[index]
            chosen.append((image, target, bank[int(random.integers(len(bank)))]))
        return chosen
