/* formats/json_scan.h - strict JSON, and limits, before a tree is made of it: no control bytes, no broken UTF-8, no numbers such as 01, no
 * escaped zero, which would end a text. */
#ifndef CTVK_FORMATS_JSON_SCAN_H
#define CTVK_FORMATS_JSON_SCAN_H

#include <stdint.h>

#define CTVK_JSON_MAX_DEPTH 16
#define CTVK_JSON_MAX_NUMBER 256 /* bytes; a double needs 24 */

/* RFC 8259, one value and white space around it, at most 16 deep and max_values values. NULL: fine, and *values is their number. Otherwise
 * why not, in words that follow the file's name, and *at is the byte where it was seen. */
const char *ctvk_json_scan(const char *text, uint64_t length, uint64_t max_values, uint64_t *values, uint64_t *at);

#endif
