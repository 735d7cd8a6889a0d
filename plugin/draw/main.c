/* ctvk-draw: a CT with the contours of label maps as a PNG. A host like any other: it includes include/ only. */
#include "compare.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LAYERS 6
#define MARGIN 12
#define LINE 26

typedef struct arguments {
    const char *image, *output, *note, *title;
    const char *label[MAX_LAYERS], *text[MAX_LAYERS];
    int count, compare;
    double hu[2];
    double scale;
} arguments;

typedef struct picture {
    scan ct;
    layer layers[MAX_LAYERS];
    int count;
    double centre[3];
    view views[2 + MAX_LAYERS];
    int view_count;
} picture;

static const color background = {18, 20, 24}, ink = {235, 235, 235}, dim = {170, 175, 180};
/* Red and blue first: they stay apart for every kind of colour vision. */
static const color colors[MAX_LAYERS] = {{255, 64, 84}, {74, 150, 255}, {255, 200, 40}, {80, 220, 120}, {220, 110, 255}, {60, 220, 220}};

static const char help[] =
    "ctvk-draw --image CT.nii.gz --output PICTURE.png --label LABEL.nii.gz TEXT [--label ...]\n"
    "\n"
    "Draws axial, coronal and sagittal planes through the centre of the contours; the patient's right is on the left.\n"
    "  --label FILE TEXT   label map on the CT's grid, and what to call it (its prompt); up to six, the first red, the second blue\n"
    "  --title TEXT        headline\n"
    "  --note TEXT         a line under the legend\n"
    "  --window LOW HIGH   Hounsfield units shown black and white (-160 240)\n"
    "  --scale N           pixels a millimetre (1.6)\n"
    "  --compare           instead, a column for each label map: from the front, and the same axial planes in all of them\n";

static int fail(int code, const char *text)
{
    fprintf(stderr, "ctvk-draw: error: %s\n", text);
    return code;
}

static int usage(const char *what, const char *value)
{
    char text[512];
    snprintf(text, sizeof text, "%s%s%.300s (see ctvk-draw --help)", what, value ? ": " : "", value ? value : "");
    return fail(2, text);
}

static int number(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return *text && !*end && isfinite(*out);
}

/* Values that an option takes; 0: there is no such option. */
static int values_of(const char *word)
{
    static const struct {
        const char *name;
        int values;
    } options[] = {{"--image", 1}, {"--output", 1}, {"--note", 1}, {"--title", 1}, {"--scale", 1}, {"--label", 2}, {"--window", 2}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(word, options[i].name) == 0)
            return options[i].values;
    return 0;
}

/* 0: go on; -1: help was printed; else the exit code. */
static int parse(int count, char **words, arguments *a)
{
    *a = (arguments){.hu = {-160, 240}, .scale = 1.6};
    for (int i = 1; i < count; i++) {
        const char *word = words[i];
        int left = count - i - 1;
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            fputs(help, stdout);
            return -1;
        }
        if (strcmp(word, "--compare") == 0) {
            a->compare = 1;
            continue;
        }
        int values = values_of(word);
        if (!values)
            return usage("unknown option", word);
        if (left < values)
            return usage(word, "value missing");
        if (strcmp(word, "--image") == 0)
            a->image = words[++i];
        else if (strcmp(word, "--output") == 0)
            a->output = words[++i];
        else if (strcmp(word, "--note") == 0)
            a->note = words[++i];
        else if (strcmp(word, "--title") == 0)
            a->title = words[++i];
        else if (strcmp(word, "--scale") == 0) {
            if (!number(words[++i], &a->scale) || a->scale < 0.1 || a->scale > 10)
                return usage("--scale: not a number from 0.1 to 10", words[i]);
        } else if (strcmp(word, "--window") == 0) {
            if (!number(words[i + 1], &a->hu[0]) || !number(words[i + 2], &a->hu[1]) || a->hu[0] >= a->hu[1])
                return usage("--window: not two growing numbers", words[i + 1]);
            i += 2;
        } else {
            if (a->count == MAX_LAYERS)
                return usage("--label: more than six", words[i + 1]);
            a->label[a->count] = words[++i];
            a->text[a->count++] = words[++i];
        }
    }
    if (!a->image || !a->output || !a->count)
        return usage("--image, --output and --label are all needed", NULL);
    return 0;
}

static ctvk_status load(ctvk_context *context, const arguments *a, picture *p, char *message, size_t size)
{
    double sum[3] = {0, 0, 0};
    int filled = 0;
    ctvk_status status = scan_open(context, a->image, &p->ct, message, size);
    for (; status == CTVK_OK && p->count < a->count; p->count++) {
        layer *l = &p->layers[p->count];
        *l = (layer){.text = a->text[p->count], .ink = colors[p->count]};
        status = scan_open(context, a->label[p->count], &l->mask, message, size);
        if (status != CTVK_OK)
            break;
        if (!scan_same_grid(&p->ct, &l->mask)) {
            snprintf(message, size, "%.400s: not on the grid of the image (give the label map that was made from it)", a->label[p->count]);
            status = CTVK_ERROR_INPUT;
        }
        l->voxels = scan_to_mask(&l->mask, l->centre);
        for (int axis = 0; l->voxels && axis < 3; axis++)
            sum[axis] += l->centre[axis];
        filled += l->voxels > 0;
    }
    for (int axis = 0; axis < 3; axis++)
        p->centre[axis] = filled ? sum[axis] / filled : (p->ct.low[axis] + p->ct.high[axis]) / 2;
    return status;
}

/* Axial and coronal through the mean of the centres; a sagittal plane for each contour that is not empty: one in the middle would meet
 * neither of two breasts. */
static void choose_views(picture *p, double scale)
{
    p->views[p->view_count++] = (view){.plane = PLANE_AXIAL, .at = p->centre[2], .pixels_per_mm = scale};
    p->views[p->view_count++] = (view){.plane = PLANE_CORONAL, .at = p->centre[1], .pixels_per_mm = scale};
    for (int i = 0; i < p->count; i++)
        if (p->layers[i].voxels)
            p->views[p->view_count++] =
                (view){.plane = PLANE_SAGITTAL, .at = p->layers[i].centre[0], .pixels_per_mm = scale, .title = p->layers[i].text};
    if (p->view_count == 2)
        p->views[p->view_count++] = (view){.plane = PLANE_SAGITTAL, .at = p->centre[0], .pixels_per_mm = scale};
}

/* Two panels a row. Returns the height that the panels take; *width: the widest row. */
static int lay_out(picture *p, int top, int *width)
{
    int y = top;
    *width = 0;
    for (int i = 0; i < p->view_count; i += 2) {
        int x = MARGIN, tallest = 0;
        for (int j = i; j < i + 2 && j < p->view_count; j++) {
            int w, h;
            view_size(p->views[j].plane, &p->ct, p->views[j].pixels_per_mm, &w, &h);
            p->views[j].x = x;
            p->views[j].y = y;
            x += w + MARGIN;
            tallest = h > tallest ? h : tallest;
        }
        *width = x > *width ? x : *width;
        y += tallest + MARGIN;
    }
    return y - top;
}

static int text_line(canvas *c, int y, const color *square, color shade, const char *text)
{
    int x = MARGIN;
    if (square) {
        canvas_box(c, x, y, 14, 14, *square);
        x += 24;
    }
    canvas_text(c, x, y, 2, shade, text);
    return y + LINE;
}

/* All contours in one view after the other; then a line for each. Returns what view_draw returned. */
static int draw_views(canvas *c, const arguments *a, const picture *p, int y)
{
    int bad = 0;
    for (int i = 0; i < p->view_count && !bad; i++)
        bad = view_draw(c, &p->views[i], &p->ct, p->layers, p->count, a->hu) != 0;
    for (int i = 0; i < p->count; i++) {
        char text[512];
        snprintf(text, sizeof text, "%.400s: %.0f ml", p->layers[i].text, (double)p->layers[i].voxels * scan_voxel_ml(&p->ct));
        y = text_line(c, y, &p->layers[i].ink, ink, text);
    }
    return bad;
}

static int draw(const arguments *a, picture *p)
{
    canvas c;
    comparison columns = {.hu = {a->hu[0], a->hu[1]}};
    int width, panels, top = a->title ? MARGIN + LINE : MARGIN, lines = (a->compare ? 0 : p->count) + (a->note ? 1 : 0);
    if (a->compare) {
        compare_lay_out(&columns, &p->ct, p->layers, p->count, a->scale, MARGIN);
        width = columns.width + 2 * MARGIN;
        panels = columns.height + MARGIN;
    } else {
        choose_views(p, a->scale);
        panels = lay_out(p, top, &width);
    }
    if (width > 20000 || panels > 20000)
        return fail(2, "--scale: the picture would be larger than 20,000 pixels (take a smaller one)");
    if (canvas_create(&c, width, top + panels + lines * LINE + MARGIN / 2, background) != 0)
        return fail(6, "picture: memory exhausted (take a smaller --scale)");
    if (a->title)
        text_line(&c, MARGIN, NULL, ink, a->title);
    int bad = a->compare ? compare_draw(&c, &columns, MARGIN, top) : draw_views(&c, a, p, top + panels);
    if (a->note)
        text_line(&c, top + panels + (a->compare ? 0 : p->count) * LINE, NULL, dim, a->note);
    if (bad || canvas_write_png(&c, a->output) != 0) {
        char text[600];
        snprintf(text, sizeof text, "%.400s: %s (choose another --output)", a->output, bad ? "memory exhausted" : strerror(errno));
        canvas_destroy(&c);
        return fail(bad ? 6 : 3, text);
    }
    canvas_destroy(&c);
    return 0;
}

int main(int count, char **words)
{
    arguments a;
    picture p = {.count = 0};
    char message[1100] = "";
    ctvk_context *context = NULL;
    int code = parse(count, words, &a);
    if (code)
        return code < 0 ? 0 : code;
    const ctvk_context_api *contexts = (const ctvk_context_api *)ctvk_interface(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
    if (!contexts || !ctvk_interface(CTVK_IMAGE_NAME, CTVK_IMAGE_VERSION) || contexts->create(NULL, &context) != CTVK_OK)
        return fail(8, "library: no context (install libctvk of this version)");
    ctvk_status status = load(context, &a, &p, message, sizeof message);
    code = status == CTVK_OK ? draw(&a, &p) : fail(status / 10, message);
    for (int i = 0; i < MAX_LAYERS; i++)
        scan_close(&p.layers[i].mask);
    scan_close(&p.ct);
    contexts->destroy(context);
    return code;
}
