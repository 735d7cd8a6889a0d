"""Doxygen's INPUT_FILTER: the headers' plain comments become its own. header_filter.py HEADER

A comment after code on its line belongs to that code, to each name where it declares several; any other one to what follows; the first one
of a file to the file. What Doxygen would take for a command or markup is text. Lines that are indented further than their paragraph keep
their shape. What ctvk.h rules for all interfaces at once (sizes, handles, destroy, last_error, ...) is said at each place."""
import re
import sys

COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
# Declarations without a comment that one rule of ctvk.h explains, and what it says.
RULES = [
    (r"^ +uint32_t struct_size;", "Size of this struct or table in bytes: how far it goes."),
    (r"^ +u?int32_t reserved;", "0."),
    (r"^ +void \*\w*user;", "Handed to the callback as it is."),
    (r"^ +void \(\*(?:destroy|close)\)\(", "Frees the handle. NULL is fine. [one thread at a time] on the handle."),
    (r"^ +ctvk_status \(\*(?:last|job)_error\)\(", "Status of the last call on the handle that failed and its message: VIEW until the next call on it. [one thread at a time] on the handle."),
    (r"^typedef struct (\w+) \1;", "Opaque handle."),
    (r"^typedef struct ctvk_(\w+)_api \{", "The functions of the interface ctvk.%s."),
    (r"^#define CTVK_\w+_NAME ", "Name of the interface, for ctvk_interface()."),
    (r"^#define CTVK_\w+_VERSION ", "Version of the interface, for ctvk_interface()."),
    (r"^#define CTVK_VERSION_", "Part of the library's version."),
    (r"^#define (CTVK_\w+)_INIT\b", "Initial value: the size is set, the rest is zero, which means the defaults."),
]


def escape(line):
    return re.sub(r"([\\@<>&#%$])", r"\\\1", line)


def body(text):
    """A comment's inside as Doxygen shall read it."""
    out, shaped = [], False
    for number, line in enumerate(text.split("\n")):
        line = re.sub(r"^\s*\* ?", "", line, count=1) if number else line
        deeper = number > 0 and bool(re.match(r"  +\S", line)) and not re.match(r" +- ", line) and (shaped or not re.match(r" +- |    ", out[-1]))
        if deeper != shaped:
            out.append("@verbatim" if deeper else "@endverbatim")
            shaped = deeper
        out.append(line.rstrip() if shaped else escape(line.rstrip()))
    return "\n".join(out + (["@endverbatim"] if shaped else [])).strip()


def each_name(code, comment):
    """`int a, b;` with one comment: a declaration and the comment for each name."""
    match = re.match(r"(\s+(?:const )?\w+ )(\w+(?:, \w+)+);\s*$", code)
    if not match:
        return f"{code}{comment}"
    return "\n".join(f"{match[1]}{name}; {comment}" for name in match[2].split(", "))


def comments(text):
    """The text with every comment in Doxygen's form."""
    out, end = "", 0
    for match in COMMENT.finditer(text):
        before, inside = text[end:match.start()], body(match[1])
        out, (newline, code) = out + before[:before.rfind("\n") + 1], (before.rpartition("\n")[1:])
        if match.start() == 0:
            name, _, rest = inside.partition(" - ")
            out += f"/** @file {name.strip()}\n{rest.strip()} */"
        elif code.strip():
            out += each_name(code, f"/**< {inside} */")
        else:
            out += f"{code}/** {inside} */"
        end = match.end()
    return out + text[end:]


def rules(text):
    """The same with a comment before each declaration that has none and falls under a rule."""
    out, commented = [], False
    for line in text.split("\n"):
        for pattern, words in () if commented or "/**" in line else RULES:
            match = re.match(pattern, line)
            if match:
                out.append(f"/** {words % match[1] if '%' in words else words} */")
                break
        out.append(line)
        commented = line.rstrip().endswith("*/") and "/**<" not in line
    return "\n".join(out)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        print(rules(comments(file.read())), end="")
