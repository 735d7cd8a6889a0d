"""Writes unicode_table.h: the classes of characters that the pre-tokenizers ask for, as ranges.

Run with a Python whose unicodedata is of the version below (CPython 3.13): python3.13 unicode_table.py > unicode_table.h
The version is that of llama.cpp's own table, in which every character has the same class (compared whole); with another one, texts in
newly added scripts would be cut otherwise than the models were trained on."""
import sys
import unicodedata

VERSION = "15.1.0"
OTHER, LETTER, NUMBER, PUNCTUATION, SPACE = range(5)
# The property White_Space of PropList.txt; unicodedata does not offer it (str.isspace also takes U+001C..U+001F).
SPACES = {*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}


def character_class(code):
    if code in SPACES:
        return SPACE
    return {"L": LETTER, "N": NUMBER, "P": PUNCTUATION}.get(unicodedata.category(chr(code))[0], OTHER)


def main():
    if unicodedata.unidata_version != VERSION:
        sys.exit(f"this Python knows Unicode {unicodedata.unidata_version}, needed is {VERSION} (take CPython 3.13)")
    ranges, last = [], None
    for code in range(0x110000):
        this = character_class(code)
        if this != last:
            ranges.append(f"0x{code << 3 | this:x},")
            last = this
    print(f"/* Unicode {VERSION}: written by unicode_table.py, {len(ranges)} ranges; first character << 3 | CTVK_CHARACTER_*. */")
    print("/* clang-format off */\nstatic const uint32_t ranges[] = {")
    line = "   "
    for word in ranges:
        if len(line) + 1 + len(word) > 138:
            print(line)
            line = "   "
        line += " " + word
    print(line)
    print("};\n/* clang-format on */")


if __name__ == "__main__":
    main()
