// The same host in C++: handles that free themselves, errors as exceptions, the job driven step by step as from an event loop.
//   host_cpp BUNDLE PROMPT
#include <ctvk/ctvk.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{
template <typename Table> const Table *find(const char *name, uint32_t version)
{
    const void *table = ctvk_interface(name, version);
    if (!table)
        throw std::runtime_error(std::string("libctvk.so.1 lacks ") + name);
    return static_cast<const Table *>(table);
}

struct Library {
    const ctvk_context_api *contexts = find<ctvk_context_api>(CTVK_CONTEXT_NAME, CTVK_CONTEXT_VERSION);
    const ctvk_bundle_api *bundles = find<ctvk_bundle_api>(CTVK_BUNDLE_NAME, CTVK_BUNDLE_VERSION);
    const ctvk_job_api *jobs = find<ctvk_job_api>(CTVK_JOB_NAME, CTVK_JOB_VERSION);
    const ctvk_result_api *results = find<ctvk_result_api>(CTVK_RESULT_NAME, CTVK_RESULT_VERSION);
};

template <typename T> using Handle = std::unique_ptr<T, void (*)(T *)>;

// The message of a failed call lies on the handle that it was called on.
template <typename Api, typename T> void check(ctvk_status status, const Api *api, const T *handle)
{
    ctvk_text message = CTVK_TEXT_INIT;
    if (status == CTVK_OK)
        return;
    api->last_error(handle, &message);
    throw std::runtime_error(message.data);
}

// HU as float32, patient axes RAS (x to the right, y to the front), k fastest: another layout than the host in C has.
struct Chest {
    enum { nx = 84, ny = 56, nz = 36 };
    std::vector<float> voxels = std::vector<float>(size_t(nx) * ny * nz);

    Chest()
    {
        auto inside = [](double x, double y, double width, double depth) { return std::hypot(x / width, y / depth) < 1; };
        for (int i = 0; i < nx; i++)
            for (int j = 0; j < ny; j++) {
                double x = (i - nx / 2) * 5.0, y = (j - ny / 2) * 5.0, hu = -1000;
                if (inside(x, y, 175, 115))
                    hu = -100; // fat
                if (inside(x, y + 15, 145, 85))
                    hu = 40; // muscle
                if (inside(std::fabs(x) - 65, y + 12, 50, 65))
                    hu = -800; // lungs
                if (inside(x, y + 75, 22, 22))
                    hu = 300; // spine
                for (int k = 0; k < nz; k++)
                    voxels[(size_t(i) * ny + j) * nz + k] = float(hu);
            }
    }

    ctvk_volume describe() const
    {
        const double affine[12] = {5, 0, 0, -5.0 * nx / 2, 0, 5, 0, -5.0 * ny / 2, 0, 0, 6, -6.0 * nz / 2};
        ctvk_volume volume = CTVK_VOLUME_INIT;
        volume.type = CTVK_SCALAR_FLOAT32;
        volume.data = voxels.data();
        volume.dim[0] = nx, volume.dim[1] = ny, volume.dim[2] = nz;
        volume.stride[0] = ny * nz * sizeof(float), volume.stride[1] = nz * sizeof(float), volume.stride[2] = sizeof(float);
        volume.convention = CTVK_RAS;
        std::memcpy(volume.affine, affine, sizeof affine);
        return volume;
    }
};

void show(const Library &library, const ctvk_result *result)
{
    ctvk_result_info info = CTVK_RESULT_INFO_INIT;
    library.results->info(result, &info);
    for (uint32_t i = 0; i < info.label_count; i++) {
        ctvk_label_volume label = CTVK_LABEL_VOLUME_INIT;
        library.results->label_volume(result, i, &label);
        std::printf("label %d, %s: %llu voxels, %.2f ml\n", label.value, label.name.data, (unsigned long long)label.voxels,
                    label.volume_ml);
    }
    // The label map in the host's own layout.
    std::vector<uint8_t> labels(size_t(Chest::nx) * Chest::ny * Chest::nz);
    const int64_t stride[3] = {Chest::ny * Chest::nz, Chest::nz, 1};
    library.results->copy_labels(result, labels.data(), stride);
    unsigned long long marked[2] = {0, 0}; // the patient's left and right: in RAS, x grows to the right
    for (size_t v = 0; v < labels.size(); v++)
        marked[v >= labels.size() / 2] += labels[v] != 0;
    std::printf("marked voxels: right %llu, left %llu\n", marked[1], marked[0]);
}

void segment(const char *folder, const char *prompt)
{
    Library library;
    Chest chest;
    ctvk_context *context = nullptr;
    ctvk_bundle *bundle = nullptr;
    ctvk_job *job = nullptr;
    ctvk_result *result = nullptr;

    if (library.contexts->create(nullptr, &context) != CTVK_OK)
        throw std::runtime_error("no context");
    Handle<ctvk_context> own_context(context, library.contexts->destroy);
    check(library.bundles->open(context, folder, CTVK_STRLEN, &bundle), library.contexts, context);
    Handle<ctvk_bundle> own_bundle(bundle, library.bundles->destroy);

    ctvk_volume volume = chest.describe();
    ctvk_job_options options = CTVK_JOB_OPTIONS_INIT;
    options.prompt.data = prompt, options.prompt.length = CTVK_STRLEN;
    check(library.jobs->create(context, bundle, &volume, &options, &job), library.contexts, context);
    Handle<ctvk_job> own_job(job, library.jobs->destroy);

    // One step at a time: a window system answers its user in between, and calls cancel where he wants it.
    ctvk_status status;
    while ((status = library.jobs->step(job)) == CTVK_PENDING)
        std::fprintf(stderr, "%3.0f %%\n", 100 * library.jobs->progress(job));
    check(status, library.jobs, job);
    check(library.jobs->take_result(job, &result), library.jobs, job);
    Handle<ctvk_result> own_result(result, library.results->destroy);
    show(library, result);
}
} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "usage: host_cpp BUNDLE PROMPT\n");
        return 2;
    }
    try {
        segment(argv[1], argv[2]);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "host_cpp: %s\n", error.what());
        return 1;
    }
    return 0;
}
