// JSON texts through nlohmann's parser, as one plain C function that gives its events. No C++ exception leaves it.

#ifndef IPFSKIT_JSON_SHIM_H
#define IPFSKIT_JSON_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    JSON_SHIM_NULL,
    JSON_SHIM_FALSE,
    JSON_SHIM_TRUE,
    JSON_SHIM_INTEGER,
    JSON_SHIM_NATURAL,
    JSON_SHIM_REAL,
    JSON_SHIM_STRING,
    JSON_SHIM_KEY,
    JSON_SHIM_OBJECT,
    JSON_SHIM_OBJECT_END,
    JSON_SHIM_ARRAY,
    JSON_SHIM_ARRAY_END,
} json_shim_kind;

/// An event: the member that belongs to its kind counts; a real number has its text beside it.
typedef struct {
    json_shim_kind kind;
    int64_t integer;
    uint64_t natural;
    double real;
    const char *text;
    size_t length;
} json_shim_event;

typedef enum {
    JSON_SHIM_DONE,
    JSON_SHIM_MALFORMED,
    JSON_SHIM_STOPPED,
    JSON_SHIM_NO_MEMORY,
} json_shim_result;

/// Gives the events of one value to `take`, until that returns false. Where the text is malformed, `place` is the
/// number of bytes that were read by then.
json_shim_result json_shim_read(const char *bytes, size_t length, void *context,
                                bool (*take)(void *context, const json_shim_event *event), size_t *place);

#ifdef __cplusplus
}
#endif

#endif
