#include "review.h"

#include <stdlib.h>
#include <string.h>

enum { IMAGE, LABEL, LABEL2, NAME, REPORT, PROMPT, PROMPT_FILE, MODEL, FIELD, OUTPUT, OPTIONS };
static const cli_option options[OPTIONS] = {
    [IMAGE] = {"--image", "CT.nii.gz", "the CT, NIfTI in Hounsfield units (required)", 0},
    [LABEL] = {"--label", "L.nii.gz", "label map on the CT's grid (required)", 0},
    [LABEL2] = {"--label2", "L2.nii.gz", "another label map, to compare; may be given more than once", 1},
    [NAME] = {"--name", "NAME",
              "what the page calls the label maps, in their order (for\nexample \"with text\"); may be given more than once", 1},
    [REPORT] = {"--report", "R.json", "the report of the run that made the first label map", 0},
    [PROMPT] = {"--prompt", "TEXT", "the words of that run, which its report does not hold: the\npage then shows them to whoever opens it",
                0},
    [PROMPT_FILE] = {"--prompt-file", "FILE", "the same from a UTF-8 text file", 0},
    [MODEL] = {"--model", "BUNDLE", "with --field: the model of that run", 0},
    [FIELD] = {"--field", "NAME=VALUE",
               "one clinical fact of that run; once per field, as it was given\nthere: the page shows the facts, and their words", 1},
    [OUTPUT] = {"--output", "REVIEW.html", "the page (required)", 0},
};

/* The words of the run, in one way, and what is needed to hold them against it. */
static int check_text(const cli_arguments *a)
{
    static const int ways[] = {PROMPT, PROMPT_FILE, FIELD};
    const char *given = NULL;
    for (int i = 0; i < 3; i++) {
        if (a->value[ways[i]] && given)
            return cli_fail(CLI_USAGE, "%s: the text is given already (give one of --prompt, --prompt-file, --field)",
                            options[ways[i]].name);
        given = a->value[ways[i]] ? options[ways[i]].name : given;
    }
    if (given && !a->value[REPORT])
        return cli_fail(CLI_USAGE, "--report: missing (its hash tells whether these are the words of the run)");
    if (a->value[FIELD] && !a->value[MODEL])
        return cli_fail(CLI_USAGE, "--model: missing (its template makes words of the facts)");
    if (a->value[MODEL] && !a->value[FIELD])
        return cli_fail(CLI_USAGE, "--model: of no use without facts (give --field NAME=VALUE, or leave it out)");
    return CLI_OK;
}

static int check_words(const cli_arguments *a)
{
    static const int required[] = {IMAGE, LABEL, OUTPUT};
    for (int i = 0; i < 3; i++)
        if (!a->value[required[i]])
            return cli_fail(CLI_USAGE, "%s: missing (give %s %s)", options[required[i]].name, options[required[i]].name,
                            options[required[i]].argument);
    for (int i = 0; i < OPTIONS; i++)
        if (a->value[i] && !*a->value[i])
            return cli_fail(CLI_USAGE, "%s: empty (give %s %s)", options[i].name, options[i].name, options[i].argument);
    return check_text(a);
}

static int take_maps(const cli_arguments *a, review *r)
{
    int32_t names = 0;
    r->maps[r->map_count++].path = a->value[LABEL];
    for (int32_t i = 0; i < a->many_count; i++) {
        if (a->many_option[i] != LABEL2)
            continue;
        if (r->map_count == REVIEW_MAX_MAPS)
            return cli_fail(CLI_USAGE, "--label2: given more than %d times (give fewer)", REVIEW_MAX_MAPS - 1);
        r->maps[r->map_count++].path = a->many[i];
    }
    for (int32_t i = 0; i < a->many_count; i++) {
        if (a->many_option[i] != NAME)
            continue;
        if (names == r->map_count)
            return cli_fail(CLI_USAGE, "--name: more names than label maps (give one for each)");
        r->maps[names++].name = a->many[i];
    }
    return CLI_OK;
}

static void take_fields(const cli_arguments *a, review *r)
{
    for (int32_t i = 0; i < a->many_count; i++)
        if (a->many_option[i] == FIELD)
            r->fields[r->field_count++] = a->many[i];
}

static int check_output(const cli_arguments *a, review *r)
{
    const char *path = a->value[OUTPUT];
    const char *const inputs[] = {a->value[IMAGE], a->value[LABEL], a->value[REPORT], a->value[PROMPT_FILE]};
    size_t length = strlen(path);
    if (length <= 5 || strcmp(path + length - 5, ".html") != 0)
        return cli_fail(CLI_USAGE, "--output %.200s: not the name of a page (end it with .html)", path);
    for (int i = 0; i < 4; i++)
        if (inputs[i] && cli_same_file(path, inputs[i]))
            return cli_fail(CLI_USAGE, "--output: would overwrite an input (choose another name)");
    for (int32_t m = 1; m < r->map_count; m++)
        if (cli_same_file(path, r->maps[m].path))
            return cli_fail(CLI_USAGE, "--output: would overwrite the file of --label2 (choose another name)");
    return cli_outputs_add(&r->outputs, "--output", path, ".part");
}

static int image_error(const review *r, const ctvk_image_file *image, ctvk_status status)
{
    ctvk_text message;
    r->library.images->last_error(image, &message);
    return cli_fail_status(status, &message);
}

static int open_image(review *r, const char *path, ctvk_image_file **image, ctvk_volume *volume)
{
    *volume = (ctvk_volume)CTVK_VOLUME_INIT;
    if (r->library.images->open(r->library.context, path, CTVK_STRLEN, image) != CTVK_OK)
        return cli_context_error(&r->library);
    ctvk_status status = r->library.images->volume(*image, volume);
    return status == CTVK_OK ? CLI_OK : image_error(r, *image, status);
}

/* Forms that different programs write for one grid differ by the rounding of float32. A hundredth of a voxel is far above that and far
 * below what a contour can show. */
static int check_grid(const review *r, const review_map *map)
{
    const review_grid *ct = &r->ct.grid;
    double shortest = ct->spacing[0] < ct->spacing[1] ? ct->spacing[0] : ct->spacing[1], apart = review_grid_shift(ct, &map->grid);
    shortest = ct->spacing[2] < shortest ? ct->spacing[2] : shortest;
    if (apart < 0)
        return cli_fail(CLI_INPUT, "%.300s and %.300s: different grids, of other numbers of voxels (give the label map of this CT)",
                        r->image_path, map->path);
    if (!(apart <= 0.01 * shortest))
        return cli_fail(CLI_INPUT,
                        "%.300s and %.300s: different grids, their voxels lie up to %.3g mm apart (give the label map of this CT)",
                        r->image_path, map->path, apart);
    return CLI_OK;
}

static int open_map(review *r, review_map *map)
{
    ctvk_volume volume;
    ctvk_text comment = CTVK_TEXT_INIT;
    int code = open_image(r, map->path, &map->image, &volume);
    if (code != CLI_OK)
        return code;
    review_grid_of(&volume, &map->grid);
    code = check_grid(r, map);
    map->structures = calloc(REVIEW_MAX_STRUCTURES, sizeof *map->structures);
    if (code == CLI_OK && !map->structures)
        code = cli_fail(CLI_MEMORY, "review: memory exhausted (close other programs)");
    if (code != CLI_OK)
        return code;
    if (r->library.images->comment(map->image, &comment) == CTVK_OK) {
        cJSON *names = cJSON_Parse(comment.data);
        review_names(map, names);
        cJSON_Delete(names);
    }
    if (map == r->maps) /* an editor may have left out the names; the report is of the first map */
        review_names(map, r->report);
    return CLI_OK;
}

static int read_inputs(review *r)
{
    int code = r->report_path ? review_report_read(r->report_path, &r->report) : CLI_OK;
    if (code == CLI_OK)
        code = review_add_words(r);
    if (code == CLI_OK)
        code = open_image(r, r->image_path, &r->image, &r->volume);
    if (code == CLI_OK)
        code = review_check_report(r);
    if (code != CLI_OK)
        return code;
    review_grid_of(&r->volume, &r->ct.grid);
    for (int32_t m = 0; code == CLI_OK && m < r->map_count; m++)
        code = open_map(r, &r->maps[m]);
    return code;
}

/* Bytes that zlib may fill before base64 makes four of three. */
static size_t room(size_t taken)
{
    return taken < REVIEW_MAX_BYTES ? (REVIEW_MAX_BYTES - taken) / 4 * 3 : 0;
}

static int pack(review *r)
{
    size_t taken = 0;
    int code = CLI_OK;
    for (int32_t m = 0; code == CLI_OK && m < r->map_count; m++) {
        code = review_map_pack(&r->maps[m], room(REVIEW_MAX_BYTES / 2 + taken)); /* half of the page is left for the CT */
        taken += (r->maps[m].block.size + 2) / 3 * 4;
    }
    if (code != CLI_OK)
        return code;
    review_colors(r->maps, r->map_count);
    memcpy(r->ct.dim, r->ct.grid.dim, sizeof r->ct.dim);
    char *facts = review_facts(r);
    if (!facts)
        return cli_fail(CLI_MEMORY, "review: memory exhausted (close other programs)");
    taken += review_page_overhead(facts);
    cJSON_free(facts);
    return review_ct_pack(&r->ct, room(taken));
}

static int write_page(review *r)
{
    cli_output *output = &r->outputs.output[0];
    char *facts = review_facts(r);
    if (!facts)
        return cli_fail(CLI_MEMORY, "review: memory exhausted (close other programs)");
    output->is_staged = 1;
    int code = review_page_write(output->staged, r, facts);
    cJSON_free(facts);
    if (code == CLI_OK && cli_interrupted())
        code = cli_fail(CLI_CANCELLED, "review: cancelled (nothing was written; run it again)");
    return code == CLI_OK ? cli_outputs_commit(&r->outputs) : code;
}

static void close_all(review *r)
{
    review_block_free(&r->ct.block);
    for (int32_t m = 0; m < r->map_count; m++) {
        review_block_free(&r->maps[m].block);
        free(r->maps[m].structures);
        if (r->library.context)
            r->library.images->destroy(r->maps[m].image);
    }
    if (r->library.context)
        r->library.images->destroy(r->image);
    cJSON_Delete(r->report);
    cli_library_close(&r->library);
}

static int run(const cli_arguments *a)
{
    review r;
    memset(&r, 0, sizeof r);
    int code = check_words(a);
    if (code == CLI_OK)
        code = take_maps(a, &r);
    if (code == CLI_OK)
        code = check_output(a, &r);
    if (code != CLI_OK)
        return code;
    r.image_path = a->value[IMAGE];
    r.report_path = a->value[REPORT];
    r.words = a->value[PROMPT];
    r.words_path = a->value[PROMPT_FILE];
    r.model = a->value[MODEL];
    take_fields(a, &r);
    cli_catch_interrupts();
    code = cli_library_open(&r.library);
    if (code == CLI_OK)
        code = read_inputs(&r);
    if (code == CLI_OK)
        code = pack(&r);
    if (code == CLI_OK)
        code = write_page(&r);
    cli_outputs_discard(&r.outputs);
    close_all(&r);
    return code;
}

const cli_command cli_review = {
    "review",
    "Makes one HTML file of a CT and label maps on its grid, to look through in a browser. It needs no network and no other file.",
    "ctvk review --image CT.nii.gz --label L.nii.gz [--label2 L2.nii.gz ...] [--name NAME ...]\n"
    "             [--report R.json [--prompt TEXT | --prompt-file FILE | --model BUNDLE --field NAME=VALUE ...]] --output REVIEW.html",
    "The page holds at most 15 MB; a CT that is larger is averaged to fewer voxels, and the page says so. Contours and volumes are of the\n"
    "label maps' own voxels. Neither names, paths nor texts of the images' headers are in it, but for the names of labels; the page is "
    "marked\n"
    "unreviewed and not for clinical use.",
    NULL,
    options,
    OPTIONS,
    run};
