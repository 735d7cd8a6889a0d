/* The shared-object form: Slicer loads it and calls ModuleEntryPoint on a thread of its own process. It changes neither the signal handlers
 * nor the environment there. */
#include "slicer/cli/module.h"

#include <stdatomic.h>

char *GetXMLModuleDescription(void);
int ModuleEntryPoint(int argc, char *argv[]);

CTVK_EXPORT char *GetXMLModuleDescription(void)
{
    return XMLModuleDescription;
}

CTVK_EXPORT int ModuleEntryPoint(int argc, char *argv[])
{
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&busy))
        return cli_fail(CLI_USAGE, "module: a run is under way in this process (wait for it, or use the executable ctvk-slicer)");
    int code = slicer_module(argc, argv, 1);
    atomic_flag_clear(&busy);
    return code;
}

void cli_catch_interrupts(void)
{
}

int32_t cli_interrupted(void)
{
    return slicer_now.shared && slicer_now.shared->abort;
}
