#include "api/job.h"
#include "api/json.h"

#include <stdio.h>

/* tuned: hash of the table that chose variants; null: the planner's model did. */
static void write_device(ctvk_json *json, const ctvk_gpu_info *gpu, const char *tuned)
{
    static const char *const types[] = {"other", "discrete", "integrated", "virtual", "cpu", "other"};
    ctvk_json_open(json, "device", '{');
    ctvk_json_text(json, "name", gpu->name);
    ctvk_json_text(json, "driver", gpu->driver);
    ctvk_json_text(json, "type", types[gpu->type < 6 ? gpu->type : 0]);
    ctvk_json_text(json, "vendor", gpu->vendor);
    ctvk_json_text(json, "uuid", gpu->uuid);
    ctvk_json_text(json, "mask", gpu->mask[0] ? gpu->mask : NULL);
    ctvk_json_text(json, "tuned_sha256", tuned);
    ctvk_json_close(json, '}');
}

static void write_image(ctvk_json *json, const ctvk_job *job)
{
    double spacing[3];
    ctvk_view_spacing(&job->view, spacing);
    ctvk_json_open(json, "image", '{');
    ctvk_json_text(json, "sha256", job->image_sha256[0] ? job->image_sha256 : NULL);
    ctvk_json_open(json, "shape", '[');
    for (int i = 0; i < 3; i++)
        ctvk_json_integer(json, NULL, job->view.dim[i]);
    ctvk_json_close(json, ']');
    ctvk_json_open(json, "spacing_mm", '[');
    for (int i = 0; i < 3; i++)
        ctvk_json_number(json, NULL, spacing[i]);
    ctvk_json_close(json, ']');
    ctvk_json_close(json, '}');
}

static void write_run(ctvk_json *json, const ctvk_job *job)
{
    ctvk_json_integer(json, "windows", job->window_count);
    ctvk_json_open(json, "memory", '{');
    ctvk_json_integer(json, "planned_bytes", (int64_t)job->memory.planned_bytes);
    if (job->memory_limit)
        ctvk_json_integer(json, "limit_bytes", (int64_t)job->memory_limit);
    else
        ctvk_json_text(json, "limit_bytes", NULL);
    ctvk_json_integer(json, "peak_bytes", (int64_t)job->peak_bytes);
    ctvk_json_close(json, '}');
    if (job->keep)
        ctvk_kept_windows_report(&job->kept, json);
    ctvk_json_open(json, "seconds", '{');
    for (int i = 0; i < CTVK_STAGE_DONE; i++)
        ctvk_json_number(json, ctvk_stage_names[i], job->seconds[i]);
    ctvk_json_close(json, '}');
}

static void write_labels(ctvk_json *json, const ctvk_result *result)
{
    ctvk_json_open(json, "labels", '[');
    for (int32_t i = 0; i < result->label_count; i++) {
        const ctvk_result_label *label = &result->label[i];
        ctvk_json_open(json, NULL, '{');
        ctvk_json_integer(json, "value", label->value);
        ctvk_json_text(json, "name", label->name);
        ctvk_json_integer(json, "voxels", (int64_t)label->voxels);
        ctvk_json_number(json, "volume_ml", label->volume_ml);
        ctvk_json_close(json, '}');
    }
    ctvk_json_close(json, ']');
    ctvk_json_open(json, "warnings", '[');
    for (int32_t i = 0; i < result->warning_count; i++)
        ctvk_json_text(json, NULL, result->warning[i]);
    ctvk_json_close(json, ']');
}

static char *write_report(const ctvk_job *job)
{
    const ctvk_bundle_files *files = job->bundle->files;
    char version[32];
    ctvk_json json = {.host = &job->context->host};
    snprintf(version, sizeof version, "%d.%d.%d", CTVK_VERSION_MAJOR, CTVK_VERSION_MINOR, CTVK_VERSION_PATCH);
    ctvk_json_open(&json, NULL, '{');
    ctvk_json_open(&json, "bundle", '{');
    ctvk_json_text(&json, "name", files->manifest.name);
    ctvk_json_text(&json, "version", files->manifest.version);
    ctvk_json_text(&json, "sha256", files->sha256);
    ctvk_json_close(&json, '}');
    ctvk_json_text(&json, "library", version);
    write_device(&json, ctvk_gpu_get_info(job->gpu), ctvk_gpu_tuned_sha256(job->gpu));
    ctvk_json_text(&json, "precision", job->desc.half ? "f16" : "f32");
    ctvk_json_text(&json, "prompt_sha256", job->text.prompt_sha256[0] ? job->text.prompt_sha256 : NULL);
    ctvk_json_open(&json, "text", '{');
    ctvk_json_text(&json, "source", job->text.source);
    if (job->text.facts.encoder_sha256[0])
        ctvk_json_integer(&json, "tokens", job->text.facts.tokens);
    else
        ctvk_json_text(&json, "tokens", NULL); /* nothing was tokenised */
    ctvk_json_boolean(&json, "truncated", job->text.facts.truncated);
    if (job->text.facts.encoder_sha256[0])
        ctvk_json_text(&json, "encoder_sha256", job->text.facts.encoder_sha256);
    ctvk_json_close(&json, '}');
    write_image(&json, job);
    write_run(&json, job);
    write_labels(&json, job->result);
    ctvk_json_close(&json, '}');
    return ctvk_json_take(&json);
}

static char *write_label_json(const ctvk_job *job)
{
    const ctvk_manifest *m = &job->bundle->files->manifest;
    ctvk_json json = {.host = &job->context->host};
    ctvk_json_open(&json, NULL, '{');
    ctvk_json_open(&json, "labels", '[');
    for (int32_t i = 0; i < m->label_count; i++) {
        ctvk_json_open(&json, NULL, '{');
        ctvk_json_integer(&json, "value", m->labels[i].value);
        ctvk_json_text(&json, "name", m->labels[i].name);
        if (m->labels[i].color[0])
            ctvk_json_text(&json, "color", m->labels[i].color);
        ctvk_json_close(&json, '}');
    }
    ctvk_json_close(&json, ']');
    ctvk_json_close(&json, '}');
    return ctvk_json_take(&json);
}

ctvk_status ctvk_job_write_report(ctvk_job *job)
{
    const char *problem = ctvk_gpu_tuned_problem(job->gpu);
    if (problem)
        ctvk_result_warn(job->result, "%s", problem);
    job->result->report = write_report(job);
    job->result->label_json = write_label_json(job);
    if (!job->result->report || !job->result->label_json)
        return ctvk_fail(&job->error, CTVK_ERROR_HOST_MEMORY, "report: no host memory (close other programs)");
    return CTVK_OK;
}
