/* Linked into programs under a sanitizer only: keeps lavapipe in memory for good. Leaks and threads of a driver that is unloaded have no
 * name any more, so that they could neither be told from ours nor be listed in tests/support/lsan.supp and tsan.supp. */
#include <dlfcn.h>

__attribute__((constructor)) static void keep_driver(void)
{
    (void)dlopen("libvulkan_lvp.so", RTLD_NOW | RTLD_NODELETE);
}
