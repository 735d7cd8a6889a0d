"""The public headers as ctypes: every struct, callback and table, read from the headers themselves. Knows the little C that they are
written in, and stops at a line that it does not know."""
import ctypes
import os
import re

BASE = {"int8_t": ctypes.c_int8, "uint8_t": ctypes.c_uint8, "int16_t": ctypes.c_int16, "uint16_t": ctypes.c_uint16, "int32_t": ctypes.c_int32,
        "uint32_t": ctypes.c_uint32, "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64, "float": ctypes.c_float, "double": ctypes.c_double,
        "size_t": ctypes.c_size_t}
FUNCTION = re.compile(r"^(.+?)\(\*(\w+)\)\((.*)\)$", re.DOTALL)


class Parameter:
    """name; kind: the ctypes type; target: what it points to ("" where it is no pointer), as the header names it; stars; const."""

    def __init__(self, headers, text):
        match = re.fullmatch(r"(const )?(\w+) ?(\**) ?(const )?(\w*)((?:\[\w*\])*)", " ".join(text.split()))
        if not match:
            raise SystemExit(f"a parameter that is not understood: {text!r}")
        self.const, base, stars, _, self.name, arrays = match.groups()
        self.stars = len(stars) + bool(arrays)
        self.target = base if self.stars else ""
        self.kind = headers.kind(base, self.stars)
        self.callback = base in headers.callbacks


class Function:
    """One member of a table."""

    def __init__(self, headers, interface, result, name, parameters):
        self.name = f"{interface}.{name}"
        self.member = name
        self.result = Parameter(headers, result + " result") if result.strip() != "void" else None
        self.parameters = [Parameter(headers, p) for p in parameters.split(",")]
        self.type = ctypes.CFUNCTYPE(self.result.kind if self.result else None, *[p.kind for p in self.parameters])


class Headers:
    def __init__(self, include):
        self.types = dict(BASE)
        self.handles, self.callbacks, self.structs, self.tables = set(), set(), {}, {}
        text = ""
        for name in self.order(include):
            with open(f"{include}/ctvk/{name}", encoding="utf-8") as file:
                text += file.read()
        self.names = dict(re.findall(r'^#define (CTVK_\w+)_NAME "([^"]+)"$', text, re.M))
        self.versions = {name: int(number) for name, number in re.findall(r"^#define (CTVK_\w+)_VERSION (\d+)$", text, re.M)}
        text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
        text = re.sub(r"^#(?:.*\\\n)*.*$", "", text, flags=re.M)
        text = re.sub(r'extern "C" \{', "", text)
        for kind, name, body in re.findall(r"typedef (struct \w+ \{.*?\}|[^{};]+?) ?(\w*);()", text, re.DOTALL):
            self.typedef(kind, name or body)

    @staticmethod
    def order(include):
        """Each header behind those that it includes."""
        done = []

        def add(name):
            if name in done:
                return
            with open(f"{include}/ctvk/{name}", encoding="utf-8") as file:
                for other in re.findall(r'^#include "ctvk/(.+)"$', file.read(), re.M):
                    add(other)
            done.append(name)
        for root, folders, names in os.walk(f"{include}/ctvk"):
            folders[:] = [f for f in folders if f != "draft"]  # what is not settled has tests of its own
            for name in sorted(names):
                add(os.path.relpath(os.path.join(root, name), f"{include}/ctvk"))
        return done

    def kind(self, base, stars):
        if stars == 0:
            return None if base == "void" else self.types[base]
        if base in self.callbacks:
            raise SystemExit(f"a pointer to the callback {base} is not understood")
        if base == "char":
            inner, stars = ctypes.c_char_p, stars - 1
        elif base == "void" or base in self.handles:
            inner, stars = ctypes.c_void_p, stars - 1
        else:
            inner = self.types[base]
        for _ in range(stars):
            inner = ctypes.POINTER(inner)
        return inner

    def typedef(self, kind, name):
        kind = " ".join(kind.split())
        struct = re.fullmatch(r"struct (\w+) \{(.*)\}", kind)
        callback = re.fullmatch(r"(.+?)\(\*(\w+)\)\((.*)\)", f"{kind} {name}".strip())
        if struct:
            self.struct(struct[1], struct[2])
        elif re.fullmatch(r"struct \w+", kind):
            self.handles.add(name)
        elif callback:
            result = Parameter(self, callback[1] + " result").kind if callback[1].strip() != "void" else None
            arguments = [] if callback[3] == "void" else [Parameter(self, p).kind for p in callback[3].split(",")]
            # ctypes gives no callback back from a callback: as an address.
            result = ctypes.c_void_p if callback[1].strip() in self.callbacks else result
            self.types[callback[2]] = ctypes.CFUNCTYPE(result, *arguments)
            self.callbacks.add(callback[2])
        else:
            self.types[name] = self.types[kind]

    def struct(self, name, body):
        fields, functions = [], []
        interface = self.names.get(name[:-len("_api")].upper()) if name.endswith("_api") else None
        for line in filter(None, (part.strip() for part in body.split(";"))):
            function = FUNCTION.match(line)
            if function:
                functions.append(Function(self, interface, *function.groups()))
                fields.append((function[2], functions[-1].type))
                continue
            base, declared = re.match(r"((?:const )?\w+(?: \*const)?) ?(.*)$", line).groups()
            for one in declared.split(","):
                stars, member, array = re.fullmatch(r"\s*(\**)\s*(\w+)(?:\[(\d+)\])?", one).groups()
                kind = self.kind(base.replace("const ", "").replace(" *const", ""), len(stars) + base.endswith("*const"))
                fields.append((member, kind * int(array) if array else kind))
        made = type(name, (ctypes.Structure,), {"_fields_": fields})
        self.types[name] = self.structs[name] = made
        if interface:
            self.tables[interface] = (made, self.versions[name[:-len("_api")].upper()], functions)

    def sized(self, parameter):
        """Whether it points to a struct that begins with its size."""
        made = self.structs.get(parameter.target)
        return parameter.stars == 1 and made is not None and made._fields_[0][0] == "struct_size"

    def functions(self):
        return [function for _, _, functions in self.tables.values() for function in functions]
