/* formats/json_scan.h - strict JSON before cJSON sees it: cJSON recurses without our limits, lets control bytes, broken UTF-8 and numbers
 * such as 01 pass, and ends strings at an escaped zero. */
#ifndef CTVK_FORMATS_JSON_SCAN_H
#define CTVK_FORMATS_JSON_SCAN_H

#include <stdint.h>

#define CTVK_JSON_MAX_DEPTH 16

/* RFC 8259, one value and white space around it, at most 16 deep and max_values values. NULL: fine. Otherwise why not, in words that
 * follow the file's name, and *at is the byte where it was seen. */
const char *ctvk_json_scan(const char *text, uint64_t length, uint64_t max_values, uint64_t *at);

#endif
