"""A small sound tree, and faults to plant in it: (rule that must find it, path, text to append; None removes the file)."""

README = """# The rooms

| room | holds | may include |
| --- | --- | --- |
| `core/` | status | nothing here |
| `formats/` | files | core |
| `gpu/` | Vulkan | core |
| `ops/` | operations | gpu, `shaders/params` |
| `nets/` | the network | ops, formats |
| `volume/` | geometry | core, ops |
| `ref/` | answers | `shaders/params` |
| `selftest/` | trials | ref, ops |
| `api/` | the symbol | all of the above |
| `cli/`, `draw/` | hosts | `include/` only |
| `slicer/` | a host | `include/`, cli |
"""

SOUND = {
    "plugin/README.md": README,
    "LICENSE": "Apache\n",
    "include/ctvk/ctvk.h": '#include "ctvk/types.h"\n#include <stdint.h>\n',
    "include/ctvk/types.h": "#include <stddef.h>\n",
    "plugin/core/host.c": '#include "core/host.h"\n#include <stdlib.h>\nvoid *take(size_t n) { return malloc(n); }\n',
    "plugin/core/host.h": '#include "ctvk/types.h"\n/* printf( and exit( and VK_ in a comment */\n',
    "plugin/formats/a.c": '#include "formats/a.h"\n#include <cJSON.h>\n#include <nifti1_io.h>\nconst char *text = "printf(";\n',
    "plugin/formats/a.h": '#include "core/host.h"\n',
    "plugin/gpu/gpu.c": '#include "gpu/gpu.h"\n#include <vulkan/vulkan.h>\nVkResult r = VK_SUCCESS;\n',
    "plugin/gpu/gpu.h": '#include "core/host.h"\n',
    "plugin/ops/add.c": '#include "ops/add.h"\n#include "params/add.h"\n#include "core/host.h"\nint n = snprintf(0, 0, "x");\n',
    "plugin/ops/add.h": '#include "ops/tensor.h"\n',
    "plugin/ops/tensor.h": '#include "gpu/gpu.h"\n',
    "plugin/nets/net.c": '#include "ops/add.h"\n#include "formats/a.h"\n',
    "plugin/volume/v.c": '#include "core/host.h"\n#include "ops/add.h"\n',
    "plugin/api/api.c": '#include "ctvk/ctvk.h"\n#include "nets/net.h"\n#include "volume/v.h"\n#include "gpu/gpu.h"\n',
    "plugin/cli/main.c": '#include "cli.h"\n#include "ctvk/ctvk.h"\n#include <stdio.h>\nint f(void) { return printf("x"); }\n',
    "plugin/slicer/cli/main.c": '#include "slicer/cli/module.h"\n#include "cli/cli.h"\n#include "ctvk/ctvk.h"\n',
    "plugin/train/net.py": "x = 1\n",
    "shaders/add.comp": '#include "params/add.h"\n#include "common/exp.glsl"\n',
    "shaders/add_rows.comp": '#include "params/add.h"\n',
    "shaders/common/exp.glsl": "float f();\n",
    "shaders/params/add.h": "struct p { int n; };\n",
    "plugin/ref/add.c": '#include "ref/add.h"\n#include <math.h>\n',
    "plugin/ref/add.h": "void f(void);\n",
    "tests/ops/test_add.c": '#include "ops/add.h"\n',
    "tests/consumer/host.c": "#include <ctvk/ctvk.h>\n",
    "tests/fuzz/fuzz_a.c": 'const char *made = "/tmp/fuzz";\n',
}

LONG = "int x;\n" * 401

PLANTED = [
    ("rooms", "plugin/core/host.c", '#include "gpu/gpu.h"\n'),
    ("rooms", "plugin/core/host.c", '#include "formats/a.h"\n'),
    ("rooms", "plugin/formats/a.c", '#include "gpu/gpu.h"\n'),
    ("rooms", "plugin/formats/a.c", "#include <gpu/gpu.h>\n"),
    ("rooms", "plugin/formats/a.c", '#  include "ctvk/ctvk.h"\n'),
    ("rooms", "plugin/gpu/gpu.c", '#include "ops/add.h"\n'),
    ("rooms", "plugin/gpu/gpu.c", '#include "params/add.h"\n'),
    ("rooms", "plugin/ops/add.c", '#include "nets/net.h"\n'),
    ("rooms", "plugin/nets/net.c", '#include "volume/v.h"\n'),
    ("rooms", "plugin/nets/net.c", '#include "gpu/gpu.h"\n'),
    ("rooms", "plugin/volume/v.c", '#include "formats/a.h"\n'),
    ("rooms", "plugin/nets/net.c", '#include "net.h"\n'),
    ("rooms", "plugin/ref/add.c", '#include "ops/add.h"\n'),
    ("rooms", "plugin/nets/net.c", '#include "ref/add.h"\n'),
    ("rooms", "plugin/cli/main.c", '#include "core/host.h"\n'),
    ("rooms", "plugin/draw/main.c", '#include "formats/a.h"\n'),
    ("rooms", "plugin/slicer/cli/main.c", '#include "core/host.h"\n'),
    ("rooms", "plugin/slicer/cli/main.c", '#include "api/api.h"\n'),
    ("rooms", "plugin/cli/main.c", '#include "slicer/cli/module.h"\n'),
    ("rooms", "plugin/attic/a.c", '#include "core/host.h"\n'),
    ("rooms", "plugin/README.md", None),
    ("public_headers", "include/ctvk/types.h", "#include <stdio.h>\n"),
    ("public_headers", "include/ctvk/types.h", '#include "core/host.h"\n'),
    ("public_headers", "shaders/add.comp", '#include "plugin/core/scalar.h"\n'),
    ("public_headers", "tests/consumer/host.c", '#include "core/host.h"\n'),
    ("foreign_libraries", "plugin/nets/net.c", "#include <vulkan/vulkan.h>\n"),
    ("foreign_libraries", "plugin/ops/add.c", "int x = VK_SUCCESS;\n"),
    ("foreign_libraries", "plugin/api/api.c", "void f(void) { vkDeviceWaitIdle(0); }\n"),
    ("foreign_libraries", "plugin/api/api.c", "#include <cJSON.h>\n"),
    ("foreign_libraries", "plugin/volume/v.c", "#include <nifti1_io.h>\n"),
    ("foreign_libraries", "plugin/cli/main.c", "#include <nifti1_io.h>\n"),
    ("foreign_libraries", "plugin/cli/main.c", "#include <vulkan/vulkan.h>\n"),
    ("file_sizes", "plugin/volume/v.c", LONG),
    ("file_sizes", "shaders/common/exp.glsl", LONG),
    ("file_sizes", "plugin/train/net.py", "x = 1\n" * 601),
    ("one_name", "shaders/params/add.h", None),
    ("one_name", "plugin/ops/add.c", None),
    ("one_name", "plugin/ref/add.c", None),
    ("one_name", "tests/ops/test_add.c", None),
    ("one_name", "shaders/subtract.comp", '#include "params/add.h"\n'),
    ("one_name", "shaders/add_columns.comp", "void main() {}\n"),
    ("one_name", "shaders/params/unused.h", "struct q { int n; };\n"),
    ("one_name", "plugin/ops/other.h", "int f(void);\n"),
    ("quiet_library", "plugin/core/host.c", 'void f(void) { printf("x"); }\n'),
    ("quiet_library", "plugin/core/host.c", "void f(void) { fputs(text, stderr); }\n"),
    ("quiet_library", "plugin/volume/v.c", "void f(void) { exit(1); }\n"),
    ("quiet_library", "plugin/volume/v.c", "void f(void) { abort (); }\n"),
    ("quiet_library", "plugin/api/api.c", 'void f(void) { setlocale(LC_ALL, "C"); }\n'),
    ("quiet_library", "plugin/api/api.c", 'void f(void) { setenv("A", "B", 1); }\n'),
    ("quiet_library", "plugin/gpu/gpu.c", "void f(void) { signal(SIGINT, g); }\n"),
    ("quiet_library", "plugin/nets/net.c", "void *p = malloc(4);\n"),
    ("quiet_library", "plugin/ref/add.c", "void *p = malloc(4);\n"),
    ("quiet_library", "plugin/nets/net.c", "void f(void *p) { free(p); }\n"),
    ("machine_paths", "plugin/train/net.py", 'x = "/home/someone/data"\n'),
    ("machine_paths", "plugin/core/host.h", "/* see /root/notes */\n"),
    ("machine_paths", "plugin/cli/main.c", 'const char *p = "/tmp/out";\n'),
    ("unfinished", "plugin/nets/net.c", "/* TODO: the rest */\n"),
    ("unfinished", "shaders/add.comp", "// FIXME\n"),
]
