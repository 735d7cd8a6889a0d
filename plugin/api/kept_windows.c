#include "api/kept_windows.h"

ctvk_status ctvk_kept_windows_open(const ctvk_host *host, const ctvk_llmseg *net, const ctvk_gpu *gpu, uint64_t room, int64_t count,
                                   ctvk_kept_windows *out, ctvk_error *error)
{
    *out = (ctvk_kept_windows){.net = net, .gpu = gpu, .room = room, .count = count};
    out->window = ctvk_calloc(host, (size_t)count, sizeof(ctvk_llmseg_encoded *));
    return out->window ? CTVK_OK : ctvk_fail(error, CTVK_ERROR_HOST_MEMORY, "keep: no host memory (close other programs)");
}

void ctvk_kept_windows_close(const ctvk_host *host, ctvk_kept_windows *kept)
{
    for (int64_t i = 0; kept->window && i < kept->count; i++)
        ctvk_llmseg_encoded_destroy(host, &kept->window[i]);
    ctvk_free(host, kept->window);
    *kept = (ctvk_kept_windows){0};
}

/* Half of what is left stays with the rest of the run and with other programs. */
static int host_has(const ctvk_host *host, uint64_t bytes)
{
    return bytes <= ctvk_spare_host_memory(host) / 2;
}

/* NULL: nowhere. That is no failure: what is not kept is computed again. */
static ctvk_llmseg_encoded *make(ctvk_kept_windows *kept)
{
    const ctvk_host *host = ctvk_gpu_host(kept->gpu);
    uint64_t bytes = ctvk_llmseg_encoded_bytes(kept->net);
    ctvk_llmseg_encoded *made = NULL;
    ctvk_error error;
    int32_t shared = ctvk_gpu_get_caps(kept->gpu)->is_cpu; /* the device's memory is the host's */
    if (bytes <= kept->room && (!shared || host_has(host, bytes)) && ctvk_llmseg_encoded_create(kept->net, 0, &made, &error) == CTVK_OK)
        kept->room -= bytes;
    if (!made && !kept->host_is_slow && host_has(host, bytes))
        ctvk_llmseg_encoded_create(kept->net, 1, &made, &error);
    return made;
}

void ctvk_kept_window_find(ctvk_kept_windows *kept, int64_t index, const ctvk_llmseg_encoded **load, ctvk_llmseg_encoded **save)
{
    *load = NULL;
    *save = NULL;
    if (!kept->window)
        return;
    if (kept->window[index])
        *load = kept->window[index];
    else
        *save = kept->window[index] = make(kept);
}

int ctvk_kept_window_is_there(const ctvk_kept_windows *kept, int64_t index)
{
    return kept->window && kept->window[index];
}

void ctvk_kept_window_done(ctvk_kept_windows *kept, int64_t index, int32_t reused)
{
    ctvk_llmseg_encoded *window = kept->window ? kept->window[index] : NULL;
    kept->reused += reused;
    if (!window)
        return;
    int slow = window->host[0] && window->filled && window->copy_seconds > window->encode_seconds;
    kept->host_is_slow |= slow;
    if (!slow && window->filled)
        return;
    kept->room += window->device[0] ? ctvk_llmseg_encoded_bytes(kept->net) : 0;
    ctvk_llmseg_encoded_destroy(ctvk_gpu_host(kept->gpu), &kept->window[index]);
}

void ctvk_kept_windows_report(const ctvk_kept_windows *kept, ctvk_json *json)
{
    int64_t device = 0, host = 0;
    for (int64_t i = 0; i < kept->count; i++) {
        device += kept->window[i] && kept->window[i]->device[0];
        host += kept->window[i] && kept->window[i]->host[0];
    }
    ctvk_json_open(json, "encoder", '{');
    ctvk_json_integer(json, "windows_reused", kept->reused);
    ctvk_json_integer(json, "windows_on_device", device);
    ctvk_json_integer(json, "windows_on_host", host);
    ctvk_json_close(json, '}');
}
