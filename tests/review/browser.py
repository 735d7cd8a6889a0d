"""The page of ctvk review in a real browser: slices against the CT, contours against the label map, mouse and keys, harmful reports."""
import hashlib
import os
import re
import tempfile
import unittest

import numpy
from scipy import ndimage

import case
from chromium import Chromium, Page

# Across, down and cut of each view, as axes of case.py.
VIEWS = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}
SOFT = (40, 400)


def place(shape, view, dim=case.SHAPE, spacing=case.SPACING):
    """Left, top and pixels a voxel of a slice on a canvas of `shape` (rows, columns): as large as fits, true proportions, in the middle."""
    across, down, _ = VIEWS[view]
    size = dim[across] * spacing[across], dim[down] * spacing[down]
    scale = min(shape[1] / size[0], shape[0] / size[1])
    return (shape[1] - size[0] * scale) / 2, (shape[0] - size[1] * scale) / 2, scale * spacing[across], scale * spacing[down]


def cut(volume, view, at):
    """Rows from the top."""
    across, down, axis = VIEWS[view]
    out = numpy.take(volume, at, axis)
    return out.T if across < down else out


def sample(slice_, shape, view, step=1, where=None, **more):
    """The slice, linear between the centres of voxels, at every step-th pixel of a canvas; and which pixels are well inside of the slice."""
    left, top, wide, high = where or place(shape, view)
    y, x = numpy.mgrid[:shape[0]:step, :shape[1]:step]
    x, y = (x + 0.5 - left) / wide - 0.5, (y + 0.5 - top) / high - 0.5
    rows, columns = slice_.shape
    # The rim has letters and the browser's own idea of an edge.
    inner = (x > 0.12 * columns) & (x < 0.88 * columns) & (y > 0.12 * rows) & (y < 0.88 * rows)
    return ndimage.map_coordinates(slice_.astype(float), [y, x], order=1, **more), inner


def gray(hu, window=SOFT):
    return numpy.clip(((hu - window[0]) / window[1] + 0.5) * 255, 0, 255)


def near(pixels, color):
    """Pixels that the color covers by half or more, mixed with any gray: what gray leaves of a pixel is its distance from its own mean."""
    own = numpy.subtract(color, numpy.mean(color))
    rest = pixels - pixels.mean(axis=2, keepdims=True)
    share = rest @ own / (own @ own)
    return (share > 0.5) & (numpy.abs(rest - share[..., None] * own).max(axis=2) < 16)


class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"])
        cls.base = cls.folder.name
        cls.browser = Chromium()
        cls.page_file = case.make(cls.base, value=case.report(case.SHAPE))

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.folder.cleanup()

    def open(self, path=None, **more):
        page = Page(self.browser, path or self.page_file, **more)
        self.assertEqual(page.run("document.documentElement.dataset.state"), "ready", page.text("body"))
        return page

    def finish(self, page):
        """Nothing complained, and nothing but the file was asked for."""
        self.assertEqual(page.errors(), [])
        self.assertEqual(page.requests(), [page.url])
        page.send("Page.close")

    def slices(self, page):
        return [int(page.run(f"document.querySelector('#{view}').dataset.slice")) - 1 for view in VIEWS]

    def check_slice(self, page, view, at, window=SOFT, volume=None):
        """Codes are wrong by 2 HU at the worst (1.3 grays); drawing between voxels goes in sixteenths of a voxel, which differ by up to 75 HU along
        both axes together (75 / 16 HU: 3 grays); grays are rounded twice (1) and mixed in whole ones: below 6, and 1.2 on the mean. The next slice
        is twice as far away or more."""
        pixels = page.canvas(view)
        self.assertTrue((pixels[..., 0] == pixels[..., 1]).mean() > 0.98)
        volume = case.ct() if volume is None else volume
        grays = gray(volume, window)
        wanted, inner = sample(cut(grays, view, at), pixels.shape[:2], view, 3, mode="nearest")
        self.assertGreater(inner.sum(), 3000)
        found = pixels[::3, ::3, 0][inner].astype(float)
        apart = numpy.abs(found - wanted[inner])
        self.assertLess(apart.mean(), 1.2, (view, at))
        self.assertLess(numpy.percentile(apart, 99.9), 6, (view, at))
        for other in (at - 1, at + 1):
            if 0 <= other < volume.shape[VIEWS[view][2]]:
                wrong, _ = sample(cut(grays, view, other), pixels.shape[:2], view, 3, mode="nearest")
                self.assertGreater(numpy.abs(found - wrong[inner]).mean(), 2 * apart.mean(), (view, at))
        return pixels

    def slide(self, page, view, at):
        page.run(f"(() => {{ const s = document.querySelector('#{view} input'); s.value = {at + 1}; s.dispatchEvent(new Event('input')); }})()")
        page.settle()

    def bare(self, page):
        page.press("c")
        page.press("x")

    def test_slices_in_any_orientation(self):
        """The same patient, stored in six ways, is the same page; each view shows the CT's slice, and the wheel shows the next one."""
        first = None
        for axes in ("LPS", "RAS", "PIR", "SAL", "ILA", "ARI"):
            page = self.open(case.make(self.base, axes, name=f"{axes}.html"))
            self.bare(page)
            at = self.slices(page)
            shown = [self.check_slice(page, view, n) for view, n in zip(VIEWS, at)]
            if first:
                self.assertEqual(at, first[0], axes)
                self.assertTrue(all((a == b).all() for a, b in zip(shown, first[1])), axes)
            first = first or (at, shown)
            self.finish(page)

    def test_scrolling(self):
        page = self.open()
        self.bare(page)
        for number, view in enumerate(VIEWS):
            at = self.slices(page)
            before = page.canvas(view)
            x, y, width, height = page.box(f"#{view} canvas")
            page.mouse("mouseWheel", x + width / 2, y + height / 2, deltaX=0, deltaY=120)
            page.settle()
            at[number] += 1
            self.assertEqual(self.slices(page), at)
            after = self.check_slice(page, view, at[number])
            self.assertGreater((before != after).mean(), 0.3)
            page.run(f"document.querySelector('#{view} canvas').focus()")
            last = case.SHAPE[VIEWS[view][2]] - 1
            for key, wanted in (("ArrowUp", at[number] - 1), ("ArrowDown", at[number]), ("Home", 0), ("ArrowUp", 0), ("PageDown", 10), ("End", last),
                                ("ArrowDown", last), ("PageUp", last - 10)):
                page.press(key)
                self.assertEqual(self.slices(page)[number], wanted, (view, key))
            self.check_slice(page, view, last - 10)
            self.slide(page, view, 4)
            self.assertEqual(self.slices(page)[number], 4)
            self.check_slice(page, view, 4)
        page.press("r")
        self.assertEqual(self.slices(page), self.slices(self.open()))
        self.finish(page)

    def check_contour(self, page, view, at, shown, ratio=1):
        """The line of the screenshot against the half of the label map, linear between voxels: both go through the middle between two voxels, and
        apart from each other by less than an eighth of a voxel where one is a chord of the other's curve. The line is 1.8 pixels wide, and
        pixels are counted from their centres."""
        pixels = page.screenshot(f"#{view} canvas")
        shape = pixels.shape[:2]
        if ratio == 1:
            own = page.run(f"[document.querySelector('#{view} canvas')].flatMap((c) => [c.height, c.width])")
            self.assertLessEqual(numpy.abs(numpy.subtract(shape, own)).max(), 1)
        _, _, wide, high = place(shape, view)
        limit = max(wide, high) / 8 + 0.9 * ratio + 1
        for value, color in ((1, case.RED), (2, case.GREEN)):
            mask = cut(case.labels() == value, view, at)
            found = near(pixels, color)
            if value not in shown or not mask.any():
                self.assertEqual(found.sum(), 0, (view, at, value))
                continue
            half = sample(mask, shape, view, mode="constant")[0] >= 0.5
            edge = half ^ ndimage.binary_erosion(half)
            self.assertGreater(edge.sum(), 60)
            self.assertGreater(found.sum(), edge.sum() / 2)
            self.assertLess(ndimage.distance_transform_edt(~edge)[found].max(), limit, (view, at, value))
            self.assertLess(ndimage.distance_transform_edt(~found)[edge].max(), limit, (view, at, value))

    def test_contours(self):
        page = self.open()
        page.press("x")
        for view, (_, _, axis) in VIEWS.items():
            page.run(f"document.querySelector('#{view} canvas').focus()")
            first, second = (numpy.nonzero(case.labels() == value)[axis] for value in (1, 2))
            both = sorted(set(first) & set(second)) or [0]
            for at in (both[len(both) // 2], first.max(), second.min()):
                self.slide(page, view, at)
                self.check_contour(page, view, at, (1, 2))
        at = self.slices(page)
        boxes = "document.querySelectorAll('#structures input')"
        page.click_on(f"{boxes}[0]")
        self.check_contour(page, "axial", at[0], (2,))
        page.click_on(f"{boxes}[1]")
        self.check_contour(page, "axial", at[0], ())
        page.click_on(f"{boxes}[0]")
        self.check_contour(page, "axial", at[0], (1,))
        page.press("c")
        self.check_contour(page, "axial", at[0], ())
        page.press("c")
        self.check_contour(page, "axial", at[0], (1,))
        page.click_on("document.querySelectorAll('#structures button')[1]")
        wanted = [int(numpy.floor(numpy.nonzero(case.labels() == 2)[axis].mean() + 0.5)) for axis in (2, 1, 0)]
        self.assertEqual(self.slices(page), wanted)
        self.finish(page)

    def test_contours_on_a_fine_screen(self):
        page = self.open(ratio=2, width=1100, height=800)
        page.press("x")
        for view, at in zip(VIEWS, self.slices(page)):
            self.check_contour(page, view, at, (1, 2), ratio=2)
        self.finish(page)

    def test_reduced(self):
        """A CT that is kept coarser than its file, along all axes, by a factor that is no whole number, lies where it should. It is noise that
        packs badly, on a wave that a blur of 16 pixels sees through it: 1.2 grays are left, two pixels astray were 2.5. Contours stay the file's."""
        dim, spacing = (250, 230, 240), (1.0, 1.0, 1.0)
        x, y, z = numpy.ogrid[:250, :230, :240]
        wave = 400 + 350 * numpy.sin(x / 9 + 0.3) + 350 * numpy.sin(y / 11) + 0 * z + 250 * numpy.sin(z / 13)
        noise = numpy.random.default_rng(3).normal(0, 220, dim).astype("float32")
        labels = numpy.zeros(dim, "uint8")
        labels[101:152, 61:170, 100:141] = 1
        case.save(f"{self.base}/big.nii", (wave + noise).astype("int16"), spacing=spacing)
        case.save(f"{self.base}/big_l.nii", labels, spacing=spacing, comment=case.label_comment())
        case.call("--image", f"{self.base}/big.nii", "--label", f"{self.base}/big_l.nii", "--output", f"{self.base}/big.html")
        page = self.open(f"{self.base}/big.html")
        kept = [int(n) for n in page.run("JSON.parse(document.getElementById('facts').textContent).ct.dim")]
        self.assertTrue(all(n / 2 < m < n for n, m in zip(dim, kept)), kept)
        self.assertIn("the CT is shown at", page.text("#origin"))
        page.press("x")
        page.press("3")
        for view, at in zip(VIEWS, self.slices(page)):
            edge = near(page.screenshot(f"#{view} canvas"), case.RED)
            page.press("c")
            pixels = page.canvas(view)[..., 0].astype(float)
            page.press("c")
            where = place(pixels.shape, view, dim, spacing)
            wanted, inner = sample(cut(gray(wave, (400, 1800)), view, at), pixels.shape, view, 1, where, mode="nearest")
            apart = ndimage.gaussian_filter(pixels - wanted, 16)[inner]
            self.assertLess(numpy.abs(apart).mean(), 1.6, view)
            rows, columns = numpy.nonzero(edge)
            box = [numpy.nonzero(cut(labels, view, at))[n] for n in (1, 0)]
            for found, low, scale, inside in zip((columns, rows), where[:2], where[2:], box):
                self.assertAlmostEqual(found.min(), low + inside.min() * scale, delta=2.5)
                self.assertAlmostEqual(found.max(), low + (inside.max() + 1) * scale, delta=2.5)
        self.finish(page)

    def test_linked_views(self):
        """A click sets the slices of the two other views; the readout says what lies there."""
        page = self.open()
        for view, (across, down, axis) in VIEWS.items():
            x, y, width, height = page.box(f"#{view} canvas")
            left, top, wide, high = place((height, width), view)
            for column, row in ((41, 13), (15, 11), (0, 0)):
                page.click(x + left + (column + 0.5) * wide, y + top + (row + 0.5) * high)
                at = dict(zip((2, 1, 0), self.slices(page)))
                self.assertEqual((at[across], at[down]), (column, row), view)
                voxel = tuple(at[a] for a in range(3))
                hu = int(re.search(r"(-?\d+) HU", page.text("#readout"))[1])
                self.assertLessEqual(abs(hu - case.ct()[voxel]), 8 if case.ct()[voxel] < -256 else 2 if case.ct()[voxel] < 256 else 10)
                self.assertIn(case.NAMES.get(case.labels()[voxel], "no structure"), page.text("#readout"))
                mm = case.affine()[:3] @ [*voxel, 1]
                shown = re.search(r"([RL]) ([\d.]+) ([AP]) ([\d.]+) ([SI]) ([\d.]+) mm", page.text("#readout")).groups()
                for number, letter, text in zip(mm, shown[::2], shown[1::2]):
                    self.assertAlmostEqual(number, float(text) * (1 if letter in "RAS" else -1), delta=0.051)
        x, y, width, height = page.box("#axial canvas")
        page.drag(x + width / 2, y + height / 2, x + width / 2 - 50, y + height / 2)
        self.assertLess(self.slices(page)[2], case.SHAPE[0] // 2)
        self.finish(page)

    def test_windows(self):
        page = self.open()
        self.bare(page)
        at = self.slices(page)
        for key, window in (("2", (-600, 1500)), ("3", (400, 1800)), ("4", (-50, 700)), ("1", SOFT)):
            page.press(key)
            self.assertIn(f"level {window[0]}, width {window[1]}", page.text("#level"))
            self.assertEqual(page.run("[...document.querySelectorAll('#tools button[aria-pressed=true]')].length"), 1)
            self.check_slice(page, "axial", at[0], window)
        x, y, width, height = page.box("#axial canvas")
        for button, modifiers in (("right", 0), ("left", 8)):  # 8: Shift
            page.press("1")
            page.drag(x + width / 2, y + height / 2, x + width / 2 + 40, y + height / 2 + 60, button, modifiers)
            self.assertIn("level -20, width 480", page.text("#level"))
            self.assertEqual(self.slices(page), at)
            self.check_slice(page, "axial", at[0], (-20, 480))
        self.finish(page)

    def test_what_it_says(self):
        page = self.open()
        text = page.text("body")
        for words in ("CTV", "boost", "breast 1.2.3", "ab" * 32, "cd" * 32, "some GPU", "some driver 7", "discrete", "64 x 56 x 30", "1.25 x 1.50 x 4.00 mm",
                      "known by its hash only", "voxel by voxel"):
            self.assertIn(words, text)
        for value in case.NAMES:
            self.assertIn(f"{(case.labels() == value).sum() * 7.5 / 1000:.1f} ml", page.text("#structures"))
        self.assertEqual(page.text("#alerts"), "")
        self.assertEqual(page.run("PLANES.map((plane) => plane.letters)"), ["RLAP", "RLSI", "APSI"])
        self.finish(page)

    def test_mark_is_always_in_sight(self):
        for width, height in ((1500, 950), (1000, 600), (420, 700)):
            page = self.open(width=width, height=height)
            for where in (0, 1e6):
                page.run(f"scrollTo(0, {where}); document.querySelector('aside').scrollTop = {where}")
                page.settle()
                x, y, wide, high = page.box("#mark")
                self.assertTrue(x >= 0 and y >= 0 and wide <= width and 10 < high < 120 and y + high <= height, (x, y, wide, high))
                self.assertIn("unreviewed", page.text("#mark").lower())
                self.assertIn("not for clinical use", page.text("#mark").lower())
                self.assertGreater(near(page.screenshot("#mark"), (244, 183, 64)).mean(), 0.5)
            self.assertGreater(near(page.canvas("axial"), (244, 183, 64)).sum(), 50)  # and on the picture itself
            self.finish(page)

    def test_harmful_report(self):
        """What a report says is text, whatever it is."""
        evil = '</script><script>document.title="harm"</script><img src=x onerror="document.title=1"><!--<script>&lt;b&gt;\u2028"\\'
        value = case.report(case.SHAPE, warnings=[evil, "a plain warning"], library=evil, prompt=evil, secret="not to be shown")
        value["bundle"]["name"] = value["device"]["name"] = evil
        value["text"]["truncated"] = True
        value["labels"][1]["voxels"] += 1
        names = {"labels": [{"value": 1, "name": evil, "color": "red;}</style>"}, {"value": 2, "name": "boost", "color": evil}]}
        path = case.make(self.base, value=value, name="evil.html", more=("--name", evil))
        case.save(f"{self.base}/labels.nii", case.labels(), comment=names)
        for _ in range(2):
            page = self.open(path)
            self.assertEqual(page.run("document.title"), "Contour review: unreviewed, not for clinical use")
            self.assertEqual(page.run("[document.scripts.length, document.images.length, document.querySelectorAll('style').length]"), [2, 0, 1])
            alerts = page.run("document.querySelector('#alerts').textContent")
            for words in (evil, "a plain warning", "longer than the language model reads", "edited after that run"):
                self.assertIn(words, alerts)
            self.assertIn(evil, page.run("document.querySelector('#origin').textContent"))
            self.assertNotIn("not to be shown", page.run("document.documentElement.outerHTML"))
            self.assertEqual(page.run("document.querySelectorAll('#structures input').length"), 2)
            self.finish(page)
            path = f"{self.base}/evil2.html"  # the same from a label map
            case.call("--image", f"{self.base}/ct.nii", "--label", f"{self.base}/labels.nii", "--report", f"{self.base}/report.json", "--name", evil,
                      "--output", path)

    def test_words(self):
        """Those that were given are on the page, and held against the hash of the report."""
        words = "N1, cT2, \u201eleft\u201c side & <b>"
        own = case.report(case.SHAPE, prompt_sha256=hashlib.sha256(words.encode()).hexdigest())
        with open(f"{self.base}/words.txt", "w", encoding="utf-8") as file:
            file.write(words + "\n")
        for more, said, alert in ((("--prompt", words), "those of the run, by their hash", False), (("--prompt-file", f"{self.base}/words.txt"), "those of the run", False),
                                  (("--prompt", words + "."), "NOT those of the run", True), ((), "known by its hash only", False)):
            page = self.open(case.make(self.base, value=own, name="words.html", more=more))
            origin, alerts = (page.run(f"document.querySelector('#{name}').textContent") for name in ("origin", "alerts"))
            self.assertEqual((words in origin, said in origin, "not those of the run" in alerts), (bool(more), True, alert), more)
            self.finish(page)

    def test_facts(self):
        """As they were given, and the words that they make, which are those of the run."""
        words, fields = "N1, cT2, breast conserving surgery, left side", ("n_stage=N1", "t_stage=cT2", "surgery=breast conserving surgery", "side=left")
        with open(f"{case.DEMO}/manifest.json", "rb") as file:
            bundle = {"name": "demo", "version": "1", "sha256": hashlib.sha256(file.read()).hexdigest()}
        value = case.report(case.SHAPE, bundle=bundle, prompt_sha256=hashlib.sha256(words.encode()).hexdigest())
        page = self.open(case.make(self.base, value=value, name="facts.html",
                                   more=("--model", case.DEMO, *(word for field in fields for word in ("--field", field)))))
        rows = page.run("[...document.querySelectorAll('#origin dt')].map((term) => [term.textContent, term.nextSibling.textContent])")
        for row in (["n stage", "N1"], ["t stage", "cT2"], ["surgery", "breast conserving surgery"], ["side", "left"], ["prompt", words],
                    ["words", "those of the run, by their hash"]):
            self.assertIn(row, rows)
        self.finish(page)

    def test_policy(self):
        """A script or an address that were in the file after all would do nothing."""
        with open(self.page_file, encoding="utf-8") as file:
            text = file.read()
        path = f"{self.base}/planted.html"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("</body>", "<script>document.title = 'harm'</script><img src='http://localhost:1/x'></body>"))
        page = self.open(path)
        self.assertEqual(page.run("document.title"), "Contour review: unreviewed, not for clinical use")
        self.assertGreaterEqual(len(page.errors()), 2)
        self.assertEqual([r for r in page.requests() if r != page.url and not page.own("Network.loadingFailed")], [])
        page.send("Page.close")

    def test_damaged_page(self):
        """A voxel block that lost something is told, not drawn."""
        with open(self.page_file, encoding="utf-8") as file:
            text = file.read()
        at = text.index('id="ct">') + 2000
        for damaged in (text[:at] + "AAAAAAAA" + text[at + 8:], text.replace('id="map0">', 'id="map0">!'), re.sub('(?<=id="ct">)[^<]+', "", text)):
            path = f"{self.base}/damaged.html"
            with open(path, "w", encoding="utf-8") as file:
                file.write(damaged)
            page = Page(self.browser, path)
            self.assertEqual(page.run("document.documentElement.dataset.state"), "failed")
            self.assertIn("cannot be shown", page.text("main"))
            self.assertIn("Unreviewed".lower(), page.text("#mark").lower())
            page.send("Page.close")

    def test_two_maps(self):
        """Side by side with names of their own and other colours; the second is the first one, moved."""
        moved = numpy.roll(case.labels(), 6, 0)
        case.save(f"{self.base}/moved.nii", moved, comment=case.label_comment())
        path = case.make(self.base, name="two.html", more=("--label2", f"{self.base}/moved.nii", "--name", "with text", "--name", "without text"))
        page = self.open(path)
        colors = page.run("[...document.querySelectorAll('.swatch')].map((s) => s.style.backgroundColor)")
        self.assertEqual(colors[:2], ["rgb(230, 25, 75)", "rgb(60, 180, 75)"])
        self.assertEqual(len(set(colors)), 4)
        text = page.text("#structures")
        self.assertTrue(text.index("with text") < text.index("CTV") < text.index("without text"), text)
        self.assertIn("No report was given", page.text("#alerts"))
        page.press("x")
        self.check_contour_of(page, moved, colors)
        self.finish(page)

    def check_contour_of(self, page, moved, colors):
        pixels = page.screenshot("#axial canvas")
        at = self.slices(page)[0]
        for number, value in ((2, 1), (3, 2)):
            mask = cut(moved == value, "axial", at)
            color = [int(n) for n in re.findall(r"\d+", colors[number])]
            found = near(pixels, color)
            found[:40, :300] = False  # the mark
            left, top, wide, high = place(pixels.shape[:2], "axial")
            y, x = numpy.nonzero(found)
            y_mask, x_mask = numpy.nonzero(mask)
            for found_at, low, scale in ((x, left, wide), (y, top, high)):
                edges = (x_mask if scale == wide and low == left else y_mask)
                self.assertAlmostEqual(found_at.min(), low + edges.min() * scale, delta=scale / 8 + 3)
                self.assertAlmostEqual(found_at.max(), low + (edges.max() + 1) * scale, delta=scale / 8 + 3)


if __name__ == "__main__":
    unittest.main()
