#include "selftest.h"

#include <stdlib.h>

static int fail_selftest(const cli_selftest_run *run, const cli_tried *tried, ctvk_status status)
{
    ctvk_text message;
    run->library.selftests->last_error(tried->selftest, &message);
    return cli_fail_status(status, &message);
}

/* One whole self-test. A wrong answer is a finding, anything else an error. */
static int try_device(cli_selftest_run *run, cli_tried *tried)
{
    const ctvk_selftest_api *selftests = run->library.selftests;
    ctvk_selftest_options options = CTVK_SELFTEST_OPTIONS_INIT;
    options.progress = cli_progress_report;
    options.progress_user = &run->progress;
    char index[16];
    snprintf(index, sizeof index, "%u", tried->device.index);
    options.device = cli_text(index); /* two drivers may give one card the same UUID */
    if (selftests->create(run->library.context, &options, &tried->selftest) != CTVK_OK)
        return cli_context_error(&run->library);
    ctvk_status status = selftests->run(tried->selftest);
    tried->info = (ctvk_selftest_info)CTVK_SELFTEST_INFO_INIT;
    if (status != CTVK_OK && status != CTVK_ERROR_DEVICE)
        return fail_selftest(run, tried, status);
    selftests->last_error(tried->selftest, &tried->message);
    if (selftests->info(tried->selftest, &tried->info) != CTVK_OK || (status != CTVK_OK && !tried->info.wrong_count))
        return fail_selftest(run, tried, status);
    tried->passed = status == CTVK_OK;
    for (uint32_t i = 0; i < tried->info.operation_count && i < SELFTEST_OPERATIONS; i++) {
        tried->operation[i] = (ctvk_selftest_operation)CTVK_SELFTEST_OPERATION_INIT;
        selftests->operation(tried->selftest, i, &tried->operation[i]);
    }
    return CLI_OK;
}

static int add_device(cli_selftest_run *run, uint32_t index)
{
    cli_tried *tried = &run->tried[run->count];
    tried->device = (ctvk_device_info)CTVK_DEVICE_INFO_INIT;
    if (run->library.contexts->device_info(run->library.context, index, &tried->device) != CTVK_OK)
        return cli_context_error(&run->library);
    if (run->selector || tried->device.usable)
        run->count++;
    else
        cli_warn("%s: not tried: it cannot run the network: %s", tried->device.name.data, tried->device.lacks.data);
    return CLI_OK;
}

static int list_devices(cli_selftest_run *run)
{
    const ctvk_context_api *contexts = run->library.contexts;
    uint32_t count = 0, index = 0;
    if (run->selector) {
        const ctvk_text selector = cli_text(run->selector);
        if (contexts->device_select(run->library.context, selector.data, selector.length, &index) != CTVK_OK)
            return cli_context_error(&run->library);
        return add_device(run, index);
    }
    if (contexts->device_count(run->library.context, &count) != CTVK_OK)
        return cli_context_error(&run->library);
    if (count > SELFTEST_DEVICES)
        cli_warn("--all: there are %u devices, the first %d are tried (name the others by --device)", count, SELFTEST_DEVICES);
    for (uint32_t i = 0; i < count && i < SELFTEST_DEVICES; i++) {
        int code = add_device(run, i);
        if (code != CLI_OK)
            return code;
    }
    return run->count ? CLI_OK : cli_fail(CLI_DEVICE, "--all: no device that can run the network (install a driver; see ctvk devices)");
}

static ctvk_volume label_volume(const cli_tried *tried)
{
    ctvk_volume volume = CTVK_VOLUME_INIT;
    volume.type = CTVK_SCALAR_UINT8;
    volume.data = tried->info.labels;
    volume.convention = CTVK_RAS;
    for (int i = 0; i < 3; i++) {
        volume.dim[i] = tried->info.dim[i];
        volume.affine[5 * i] = 1;
    }
    return volume;
}

static int compare_networks(cli_selftest_run *run)
{
    for (int32_t i = 0; i < run->count; i++)
        for (int32_t j = i + 1; j < run->count; j++) {
            if (!run->tried[i].info.labels || !run->tried[j].info.labels)
                continue;
            const ctvk_volume first = label_volume(&run->tried[i]), second = label_volume(&run->tried[j]);
            cli_agreement *pair = &run->network[run->network_pairs++];
            pair->first = i;
            pair->second = j;
            int code = cli_selftest_compare(run, &first, &second, pair);
            if (code != CLI_OK)
                return code;
        }
    return CLI_OK;
}

int cli_selftest_try(cli_selftest_run *run)
{
    int code = list_devices(run);
    int32_t parts = run->count * (run->bundle_path ? 2 : 1);
    for (int32_t i = 0; i < run->count && code == CLI_OK; i++) {
        run->progress.from = (double)i / parts;
        run->progress.to = (double)(i + 1) / parts;
        code = try_device(run, &run->tried[i]);
    }
    if (code == CLI_OK)
        code = compare_networks(run);
    if (code == CLI_OK && run->bundle_path)
        code = cli_selftest_bundle(run);
    cli_progress_end(&run->progress);
    return code;
}

void cli_selftest_release(cli_selftest_run *run)
{
    if (run->library.context) {
        for (int32_t i = 0; i < run->count; i++) {
            run->library.results->destroy(run->tried[i].result);
            run->library.selftests->destroy(run->tried[i].selftest);
        }
        run->library.images->destroy(run->image);
        run->library.bundles->destroy(run->bundle);
    }
    free(run->embedding);
    cli_library_close(&run->library);
}
