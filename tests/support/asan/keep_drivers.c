/* Linked into programs of a sanitized build: nothing is unloaded, so that a leak or a thread of a driver carries the driver's name when
 * the leaks are counted at the end, and tests/support/lsan.supp can tell it from ours. */
#define KEEP __attribute__((visibility("default")))

KEEP int dlclose(void *handle);
KEEP int dlclose(void *handle)
{
    return handle == 0;
}
