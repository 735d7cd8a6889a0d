/* slicer/cli/module.h - ctvk as a module of the Slicer Execution Model: an executable, and a shared object of the same sources. Both
 * translate Slicer's command line into that of `ctvk segment` and are built from its pieces (cli/cli.h). */
#ifndef CTVK_SLICER_CLI_MODULE_H
#define CTVK_SLICER_CLI_MODULE_H

#include "cli/segment.h"

/* What Slicer shares with a module in its own process. The layout is the Slicer Execution Model's (ModuleProcessInformation). */
typedef struct slicer_shared {
    volatile unsigned char abort; /* set by Slicer: cancel */
    float progress, stage_progress;
    char message[1024];
    void (*changed)(void *data); /* NULL: nobody wants to know */
    void *data;
    double elapsed; /* seconds */
} slicer_shared;

/* The run under way. A process has one at a time. */
typedef struct slicer_run {
    slicer_shared *shared; /* NULL: a process of its own, which tells of its progress on stdout */
    const char *returns;   /* --returnparameterfile; NULL: none. VIEW of the command line */
    int32_t stdout_broken; /* the host is gone */
} slicer_run;
extern slicer_run slicer_now;

/* The module's description, made from ctvk-slicer.xml.in; zero-terminated. Named and exported as Slicer looks for it. */
extern char XMLModuleDescription[];

/* Runs one command line, with the program's name first; in_process: inside of Slicer, with an address of it among the options. Returns the
 * exit code. [one thread at a time] */
int slicer_module(int argc, char **argv, int in_process);

#endif
