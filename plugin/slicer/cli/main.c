#include "slicer/cli/module.h"

#include <signal.h>

int main(int argc, char **argv)
{
    cli_prepare_environment();
    /* A host that has gone is noticed by the progress that nobody reads: the run is cancelled and leaves nothing. */
    signal(SIGPIPE, SIG_IGN);
    return slicer_module(argc, argv, 0);
}
