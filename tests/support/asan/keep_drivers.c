/* Linked into programs of a build with AddressSanitizer: nothing is unloaded, so that a leak of a driver carries the driver's name when
 * the leaks are counted at the end, and tests/support/lsan.supp can tell it from ours. */
#define KEEP __attribute__((visibility("default")))

KEEP int dlclose(void *handle);
KEEP int dlclose(void *handle)
{
    return handle == 0;
}
