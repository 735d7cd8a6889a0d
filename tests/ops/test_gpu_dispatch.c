/* Commands: results, barriers, pieces of bounded work, cancel, and refusal of what would crash a driver. */
#include "support/gpu_probe.h"

#include <pthread.h>

static probe p;

static void open_probe(uint32_t disable)
{
    ctvk_error error = {0};
    ctvk_status status = probe_open(&p, open_gpu(disable), &error);
    CHECK_MSG(status == CTVK_OK, "%s", error.message);
    if (status != CTVK_OK)
        exit(1);
}

static void close_probe(void)
{
    probe_close(&p);
    ctvk_gpu_destroy(&p.gpu);
}

static ctvk_gpu_cmd *begin(ctvk_gpu_check_fn check, void *user)
{
    ctvk_gpu_cmd *cmd = NULL;
    CHECK(ctvk_gpu_cmd_begin(p.gpu, check, user, &cmd, NULL) == CTVK_OK);
    return cmd;
}

static void finish(ctvk_gpu_cmd *cmd)
{
    ctvk_error error = {0};
    CHECK_MSG(ctvk_gpu_cmd_finish(cmd, &error) == CTVK_OK, "%s", error.message);
    ctvk_gpu_cmd_destroy(&cmd);
    CHECK(cmd == NULL);
}

/* Whether the target holds what `times` runs in a row give; out of place once, then in place. */
static int target_is(uint32_t times, uint32_t scale)
{
    uint32_t out[PROBE_COUNT];
    int wrong = 0;
    CHECK(ctvk_gpu_download(p.target, 0, out, sizeof out, NULL) == CTVK_OK);
    for (uint32_t i = 0; i < PROBE_COUNT; i++) {
        uint32_t value = p.in[i];
        for (uint32_t t = 0; t < times; t++)
            value = probe_value(&p, i, value, scale);
        wrong += value != out[i];
    }
    return wrong == 0;
}

static void test_result(uint32_t disable)
{
    open_probe(disable);
    ctvk_gpu_cmd *cmd = begin(NULL, NULL);
    CHECK(ctvk_gpu_cmd_work_limit(cmd) > 0);
    CHECK(probe_run(&p, cmd, 3, 1000, 0, NULL) == CTVK_OK);
    finish(cmd);
    CHECK(target_is(1, 3));
    /* Another specialisation is another pipeline, the same one is not. */
    const uint32_t constants[2] = {32, PROBE_ADD};
    ctvk_gpu_pipeline *other = NULL, *again = NULL;
    CHECK(ctvk_gpu_pipeline_of(p.gpu, &probe_shader, constants, 2, &other, NULL) == CTVK_OK && other != p.pipeline);
    CHECK(ctvk_gpu_pipeline_of(p.gpu, &probe_shader, constants, 2, &again, NULL) == CTVK_OK && again == other);
    close_probe();
}

/* A long chain in place: every run must see the one before, across submissions and whatever the sets of one piece are. */
static void test_chain(uint32_t disable, double work)
{
    enum { TIMES = 1000 };
    open_probe(disable);
    ctvk_gpu_cmd *cmd = begin(NULL, NULL);
    int bad = probe_run(&p, cmd, 3, work, 0, NULL) != CTVK_OK;
    p.binds[0] = p.binds[3];
    for (int i = 1; i < TIMES; i++)
        bad += probe_run(&p, cmd, 3, work, 0, NULL) != CTVK_OK;
    CHECK(bad == 0);
    finish(cmd);
    CHECK(target_is(TIMES, 3));
    close_probe();
}

/* Fills, copies and dispatches in one command follow each other; a DOWNLOAD buffer is readable after finish. */
static void test_transfers(uint32_t disable)
{
    open_probe(disable);
    ctvk_gpu_buffer *result = NULL;
    CHECK(ctvk_gpu_buffer_create(p.gpu, sizeof p.in, CTVK_GPU_MEMORY_DOWNLOAD, "result", &result, NULL) == CTVK_OK);
    ctvk_gpu_cmd *cmd = begin(NULL, NULL);
    CHECK(ctvk_gpu_cmd_fill(cmd, p.source, 0, sizeof p.in, 9, NULL) == CTVK_OK);
    CHECK(ctvk_gpu_cmd_fill(cmd, p.source, 4, 4, 11, NULL) == CTVK_OK);
    CHECK(probe_run(&p, cmd, 2, 1, 0, NULL) == CTVK_OK);
    CHECK(ctvk_gpu_cmd_copy(cmd, p.target, 0, result, 0, sizeof p.in, NULL) == CTVK_OK);
    CHECK(ctvk_gpu_cmd_copy(cmd, p.target, 8, result, 16, 4, NULL) == CTVK_OK);
    CHECK(ctvk_gpu_cmd_copy(cmd, result, 0, result, 2000, 100, NULL) == CTVK_OK);
    finish(cmd);
    const uint32_t *out = result->mapped;
    CHECK(out[0] == probe_value(&p, 0, 9, 2) && out[1] == probe_value(&p, 1, 11, 2) && out[2] == probe_value(&p, 2, 9, 2));
    CHECK(out[4] == out[2] && out[500] == out[0] && out[999] == probe_value(&p, 999, 9, 2));
    ctvk_gpu_buffer_destroy(&result);
    close_probe();
}

/* Two dispatches without a barrier between them that touch different places. */
static void test_no_barrier(void)
{
    open_probe(0);
    ctvk_gpu_buffer *second = NULL;
    uint32_t out[PROBE_COUNT];
    CHECK(ctvk_gpu_buffer_create(p.gpu, sizeof p.in, CTVK_GPU_MEMORY_DEVICE, "second", &second, NULL) == CTVK_OK);
    ctvk_gpu_cmd *cmd = begin(NULL, NULL);
    CHECK(probe_run(&p, cmd, 3, 1, CTVK_GPU_NO_BARRIER, NULL) == CTVK_OK);
    p.binds[3].buffer = second;
    CHECK(probe_run(&p, cmd, 4, 1, CTVK_GPU_NO_BARRIER, NULL) == CTVK_OK);
    finish(cmd);
    CHECK(target_is(1, 3));
    CHECK(ctvk_gpu_download(second, 0, out, sizeof out, NULL) == CTVK_OK);
    CHECK(out[17] == probe_value(&p, 17, p.in[17], 4));
    ctvk_gpu_buffer_destroy(&second);
    close_probe();
}

typedef struct watch {
    int calls, stop_at, backward;
    double last;
} watch;

static int32_t look(void *user, double work_done)
{
    watch *w = user;
    w->backward += work_done < w->last;
    w->last = work_done;
    return ++w->calls == w->stop_at;
}

static void test_pieces(void)
{
    open_probe(0);
    watch w = {0};
    double each = p.gpu->budget / 2;
    ctvk_gpu_cmd *cmd = begin(look, &w);
    for (int i = 0; i < 20; i++)
        CHECK(probe_run(&p, cmd, 3, each, 0, NULL) == CTVK_OK);
    CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_OK);
    CHECK(w.calls >= 3 && !w.backward && w.last == 20 * each);
    /* These pieces took next to no time, so the budget has grown, and a finished command may go on. */
    CHECK(p.gpu->budget > each * 2);
    CHECK(probe_run(&p, cmd, 3, each, 0, NULL) == CTVK_OK);
    finish(cmd);
    CHECK(w.last == 21 * each);
    close_probe();
}

static void test_cancel(void)
{
    open_probe(0);
    ctvk_error error = {0};
    watch w = {.stop_at = 2};
    ctvk_gpu_cmd *cmd = begin(look, &w);
    ctvk_status status = CTVK_OK;
    int runs = 0;
    for (; runs < 1000 && status == CTVK_OK; runs++)
        status = probe_run(&p, cmd, 3, p.gpu->budget, 0, &error);
    CHECK(status == CTVK_CANCELLED && error.status == CTVK_CANCELLED && runs < 10 && w.calls == 2);
    CHECK(probe_run(&p, cmd, 3, 1, 0, NULL) == CTVK_CANCELLED);
    CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_CANCELLED && w.calls == 2);
    ctvk_gpu_cmd_destroy(&cmd);
    CHECK(p.gpu->in_flight == 0);

    w = (watch){.stop_at = 1};
    cmd = begin(look, &w);
    CHECK(probe_run(&p, cmd, 3, 1, 0, NULL) == CTVK_OK);
    CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_CANCELLED);
    ctvk_gpu_cmd_destroy(&cmd);

    /* Recorded and never submitted. */
    cmd = begin(NULL, NULL);
    CHECK(probe_run(&p, cmd, 3, 1, 0, NULL) == CTVK_OK);
    ctvk_gpu_cmd_destroy(&cmd);
    ctvk_gpu_cmd_destroy(&cmd);
    ctvk_gpu_cmd_destroy(NULL);

    cmd = begin(NULL, NULL);
    CHECK(probe_run(&p, cmd, 5, 1, 0, NULL) == CTVK_OK);
    finish(cmd);
    CHECK(target_is(1, 5));
    close_probe();
}

/* The host writes into mapped memory between submissions: those before keep what they read, those after see it. */
static void test_submit(void)
{
    enum { ROUNDS_OF_WRITING = 20 };
    open_probe(0);
    watch w = {0};
    ctvk_gpu_buffer *input[2] = {0}, *result = NULL;
    uint64_t mark[2] = {0}, none = 9;
    int bad = 0;
    for (int i = 0; i < 2; i++)
        CHECK(ctvk_gpu_buffer_create(p.gpu, sizeof p.in, CTVK_GPU_MEMORY_UPLOAD, "input", &input[i], NULL) == CTVK_OK);
    CHECK(ctvk_gpu_buffer_create(p.gpu, ROUNDS_OF_WRITING * 4, CTVK_GPU_MEMORY_DOWNLOAD, "result", &result, NULL) == CTVK_OK);
    ctvk_gpu_cmd *cmd = begin(look, &w);
    CHECK(ctvk_gpu_cmd_work(cmd) == 0 && ctvk_gpu_cmd_submit(cmd, &none, NULL) == CTVK_OK && none == 0);
    CHECK(ctvk_gpu_cmd_wait(cmd, 1, NULL) == CTVK_ERROR_INTERNAL && ctvk_gpu_cmd_wait(cmd, 0, NULL) == CTVK_OK);
    for (uint32_t round = 0; round < ROUNDS_OF_WRITING; round++) {
        ctvk_gpu_buffer *mine = input[round % 2];
        bad += ctvk_gpu_cmd_wait(cmd, mark[round % 2], NULL) != CTVK_OK;
        bad += round >= 2 && w.last < round - 1;
        for (uint32_t i = 0; i < PROBE_COUNT; i++)
            ((uint32_t *)mine->mapped)[i] = round * 1000 + i;
        p.binds[0].buffer = mine;
        bad += probe_run(&p, cmd, 3, 1, 0, NULL) != CTVK_OK;
        bad += ctvk_gpu_cmd_copy(cmd, p.target, 40, result, round * 4, 4, NULL) != CTVK_OK;
        bad += ctvk_gpu_cmd_submit(cmd, &mark[round % 2], NULL) != CTVK_OK || mark[round % 2] != round + 1;
    }
    CHECK(ctvk_gpu_cmd_work(cmd) == ROUNDS_OF_WRITING);
    finish(cmd);
    for (uint32_t round = 0; round < ROUNDS_OF_WRITING; round++)
        bad += ((const uint32_t *)result->mapped)[round] != probe_value(&p, 10, round * 1000 + 10, 3);
    CHECK(bad == 0 && w.calls == ROUNDS_OF_WRITING);

    w = (watch){.stop_at = 1};
    cmd = begin(look, &w);
    CHECK(probe_run(&p, cmd, 3, 1, 0, NULL) == CTVK_OK && ctvk_gpu_cmd_submit(cmd, &mark[0], NULL) == CTVK_OK);
    CHECK(ctvk_gpu_cmd_wait(cmd, mark[0], NULL) == CTVK_CANCELLED && ctvk_gpu_cmd_submit(cmd, &mark[0], NULL) == CTVK_CANCELLED);
    ctvk_gpu_cmd_destroy(&cmd);
    ctvk_gpu_buffer_destroy(&input[0]);
    ctvk_gpu_buffer_destroy(&input[1]);
    ctvk_gpu_buffer_destroy(&result);
    close_probe();
}

static void check_refused(const ctvk_gpu_bind *binds, uint32_t count, uint32_t push_bytes, uint32_t x, uint32_t z, const char *word)
{
    const probe_push push = {PROBE_COUNT, 1, {0, 0}};
    const uint32_t groups[3] = {x, 1, z};
    ctvk_error error = {0};
    ctvk_gpu_cmd *cmd = begin(NULL, NULL);
    CHECK(ctvk_gpu_cmd_dispatch(cmd, p.pipeline, binds, count, &push, push_bytes, groups, 1, 0, &error) == CTVK_ERROR_INTERNAL);
    CHECK_MSG(strstr(error.message, word) && strstr(error.message, "gpu_probe"), "%s", error.message);
    ctvk_gpu_cmd_destroy(&cmd);
}

static void check_bind_refused(int binding, ctvk_gpu_bind bind, const char *word)
{
    ctvk_gpu_bind binds[4];
    memcpy(binds, p.binds, sizeof binds);
    binds[binding] = bind;
    check_refused(binds, 4, sizeof(probe_push), 1, 1, word);
}

static void test_refusals(void)
{
    open_probe(CTVK_GPU_MIN_LIMITS);
    ctvk_gpu *other = open_gpu(0);
    ctvk_gpu_buffer *foreign = NULL, *large = NULL;
    CHECK(ctvk_gpu_buffer_create(other, 64, CTVK_GPU_MEMORY_DEVICE, "foreign", &foreign, NULL) == CTVK_OK);
    CHECK(ctvk_gpu_buffer_create(p.gpu, 2 << 20, CTVK_GPU_MEMORY_DEVICE, "large", &large, NULL) == CTVK_OK);
    check_refused(p.binds, 3, sizeof(probe_push), 1, 1, "3 bindings");
    check_refused(p.binds, 4, sizeof(probe_push) - 4, 1, 1, "12 bytes");
    check_refused(p.binds, 4, sizeof(probe_push), 0, 1, "workgroups");
    check_refused(p.binds, 4, sizeof(probe_push), 1, 65536, "workgroups");
    check_bind_refused(0, (ctvk_gpu_bind){NULL, 0, 4}, "no buffer");
    check_bind_refused(0, (ctvk_gpu_bind){foreign, 0, 4}, "no buffer");
    check_bind_refused(0, (ctvk_gpu_bind){p.source, 16, 4}, "aligned");
    check_bind_refused(0, (ctvk_gpu_bind){p.source, 0, 0}, "no bytes");
    check_bind_refused(0, (ctvk_gpu_bind){p.source, 0, 4001}, "outside");
    check_bind_refused(3, (ctvk_gpu_bind){p.target, 4096, 4}, "outside");
    check_bind_refused(3, (ctvk_gpu_bind){p.target, 256, UINT64_MAX}, "outside");
    check_bind_refused(1, (ctvk_gpu_bind){large, 0, 16388}, "limit");
    check_bind_refused(2, (ctvk_gpu_bind){large, 0, 65537 * 16}, "limit");
    check_bind_refused(2, (ctvk_gpu_bind){large, 0, 24}, "multiple of 16");

    ctvk_gpu_cmd *cmd = begin(NULL, NULL);
    CHECK(ctvk_gpu_cmd_fill(cmd, p.source, 2, 4, 0, NULL) == CTVK_ERROR_INTERNAL);
    CHECK(ctvk_gpu_cmd_finish(cmd, NULL) == CTVK_ERROR_INTERNAL);
    ctvk_gpu_cmd_destroy(&cmd);
    cmd = begin(NULL, NULL);
    CHECK(ctvk_gpu_cmd_fill(cmd, p.source, 0, 4004, 0, NULL) == CTVK_ERROR_INTERNAL);
    ctvk_gpu_cmd_destroy(&cmd);
    cmd = begin(NULL, NULL);
    CHECK(ctvk_gpu_cmd_copy(cmd, p.source, 0, foreign, 0, 4, NULL) == CTVK_ERROR_INTERNAL);
    ctvk_gpu_cmd_destroy(&cmd);
    cmd = begin(NULL, NULL);
    CHECK(ctvk_gpu_cmd_copy(cmd, p.source, 0, p.source, 50, 100, NULL) == CTVK_ERROR_INTERNAL);
    ctvk_gpu_cmd_destroy(&cmd);
    cmd = begin(NULL, NULL);
    CHECK(ctvk_gpu_cmd_copy(cmd, p.source, UINT64_MAX, p.target, 0, 100, NULL) == CTVK_ERROR_INTERNAL);
    ctvk_gpu_cmd_destroy(&cmd);

    ctvk_gpu_pipeline *pipeline = NULL;
    ctvk_error error = {0};
    const uint32_t large_group[2] = {257, 0}, three[3] = {1, 1, 1};
    CHECK(ctvk_gpu_pipeline_get(p.gpu, "no_such_shader", NULL, 0, &pipeline, &error) == CTVK_ERROR_INTERNAL && !pipeline);
    CHECK(strstr(error.message, "no_such_shader"));
    CHECK(ctvk_gpu_pipeline_of(p.gpu, &probe_shader, large_group, 2, &pipeline, &error) == CTVK_ERROR_INTERNAL && !pipeline);
    CHECK_MSG(strstr(error.message, "workgroup"), "%s", error.message);
    CHECK(ctvk_gpu_pipeline_of(p.gpu, &probe_shader, three, 3, &pipeline, &error) == CTVK_ERROR_INTERNAL && !pipeline);
    ctvk_gpu_buffer_destroy(&foreign);
    ctvk_gpu_buffer_destroy(&large);
    ctvk_gpu_destroy(&other);
    close_probe();

    ctvk_gpu *gpu = open_gpu(CTVK_GPU_NO_TEXEL);
    CHECK(ctvk_gpu_pipeline_of(gpu, &probe_shader, NULL, 0, &pipeline, &error) == CTVK_ERROR_INTERNAL && strstr(error.message, "texel"));
    ctvk_gpu_destroy(&gpu);
}

/* Two devices side by side, their commands interleaved. */
static void test_two(void)
{
    static probe pair[2];
    ctvk_gpu_cmd *cmds[2] = {0};
    for (int i = 0; i < 2; i++) {
        CHECK(probe_open(&pair[i], open_gpu(0), NULL) == CTVK_OK);
        CHECK(ctvk_gpu_cmd_begin(pair[i].gpu, NULL, NULL, &cmds[i], NULL) == CTVK_OK);
    }
    for (uint32_t round = 0; round < 8; round++)
        for (uint32_t i = 0; i < 2; i++)
            CHECK(probe_run(&pair[i], cmds[i], 3 + i, pair[i].gpu->budget, 0, NULL) == CTVK_OK);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t out[PROBE_COUNT] = {0};
        CHECK(ctvk_gpu_cmd_finish(cmds[i], NULL) == CTVK_OK);
        ctvk_gpu_cmd_destroy(&cmds[i]);
        CHECK(ctvk_gpu_download(pair[i].target, 0, out, sizeof out, NULL) == CTVK_OK);
        CHECK(out[33] == probe_value(&pair[i], 33, pair[i].in[33], 3 + i));
        probe_close(&pair[i]);
        ctvk_gpu_destroy(&pair[i].gpu);
    }
}

enum { ROUNDS = 50 };

/* Returns how often something went wrong; CHECK is for one thread only. */
static void *work_alone(void *user)
{
    probe *mine = user;
    intptr_t bad = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t out[PROBE_COUNT] = {0};
        ctvk_gpu_cmd *cmd = NULL;
        bad += ctvk_gpu_cmd_begin(mine->gpu, NULL, NULL, &cmd, NULL) != CTVK_OK;
        if (!cmd)
            continue;
        bad += probe_run(mine, cmd, round, 1, 0, NULL) != CTVK_OK;
        bad += ctvk_gpu_cmd_finish(cmd, NULL) != CTVK_OK;
        ctvk_gpu_cmd_destroy(&cmd);
        bad += ctvk_gpu_download(mine->target, 0, out, sizeof out, NULL) != CTVK_OK;
        bad += out[777] != probe_value(mine, 777, mine->in[777], round);
    }
    return (void *)bad;
}

/* Each device on its own thread. */
static void test_threads(void)
{
    static probe pair[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        CHECK(probe_open(&pair[i], open_gpu(0), NULL) == CTVK_OK);
        CHECK(pthread_create(&threads[i], NULL, work_alone, &pair[i]) == 0);
    }
    for (int i = 0; i < 2; i++) {
        void *bad = NULL;
        CHECK(pthread_join(threads[i], &bad) == 0 && bad == NULL);
        probe_close(&pair[i]);
        ctvk_gpu_destroy(&pair[i].gpu);
    }
}

int main(void)
{
    test_result(0);
    test_result(CTVK_GPU_NO_MAPPING | CTVK_GPU_MIN_LIMITS | CTVK_GPU_NO_BUFFER_ADDRESS);
    test_chain(0, 1);
    test_chain(CTVK_GPU_NO_MAPPING, 3e9);
    test_transfers(0);
    test_transfers(CTVK_GPU_NO_MAPPING);
    test_no_barrier();
    test_pieces();
    test_cancel();
    test_submit();
    test_refusals();
    test_two();
    test_threads();
    return gpu_done("gpu_dispatch");
}
