// Parquet files through Apache Arrow, as plain C functions for a program that loads this library while it runs.
//
// Every function that can fail returns a parquet_result and writes a text, ended by NUL and cut to `capacity`, to
// `problem`. No C++ exception leaves this library. Pointers into a reader live until parquet_reader_free.

#ifndef IPFSKIT_PARQUET_SHIM_H
#define IPFSKIT_PARQUET_SHIM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARQUET_ABI 2

typedef enum {
    PARQUET_OK = 0,
    PARQUET_IO_ERROR = 1,
    PARQUET_CORRUPT = 2,
    PARQUET_TOO_LARGE = 3,
    PARQUET_BAD_ARGUMENT = 4,
} parquet_result;

typedef enum {
    PARQUET_TEXT = 0,
    PARQUET_INT64 = 1,
    PARQUET_TIMESTAMP_MILLIS = 2,
    PARQUET_DOUBLE = 3,
    PARQUET_BOOLEAN = 4,
    PARQUET_NULL = 5,
    PARQUET_UNSUPPORTED = 6,
} parquet_type;

// Bits of what is known of a column that is to be written.
typedef enum {
    PARQUET_OPTIONAL = 1,  // a row may have no value
    PARQUET_REPEATS = 2,   // few values stand in many rows: they go to a dictionary
} parquet_trait;

typedef struct parquet_writer parquet_writer;
typedef struct parquet_reader parquet_reader;

// Which version of this interface the library has.
int32_t ipfskit_parquet_abi(void);

// Opens a file for writing; `types` holds parquet_type values up to PARQUET_TIMESTAMP_MILLIS, `traits` bits of
// parquet_trait.
int32_t ipfskit_parquet_writer_open(
    const char *path, int32_t columns, const char *const *names, const int32_t *types, const uint8_t *traits,
    int32_t compression, parquet_writer **writer, char *problem, int64_t capacity);

// Adds one pair to the file's own metadata.
int32_t ipfskit_parquet_writer_metadata(
    parquet_writer *writer, const char *key, const char *value, char *problem, int64_t capacity);

// Begins a row group, whose columns follow in order.
int32_t ipfskit_parquet_writer_begin(parquet_writer *writer, char *problem, int64_t capacity);

// Writes a column of texts: `rows` + 1 offsets into `bytes`; `valid` has one byte for each row, or is null.
int32_t ipfskit_parquet_writer_text(
    parquet_writer *writer, int64_t rows, const uint8_t *bytes, const int64_t *offsets, const uint8_t *valid,
    char *problem, int64_t capacity);

// Writes a column of whole numbers or timestamps.
int32_t ipfskit_parquet_writer_int64(
    parquet_writer *writer, int64_t rows, const int64_t *values, const uint8_t *valid, char *problem,
    int64_t capacity);

// Writes the footer and closes the file.
int32_t ipfskit_parquet_writer_close(parquet_writer *writer, char *problem, int64_t capacity);

// Gives the writer's memory back; a file that was not closed is not complete.
void ipfskit_parquet_writer_free(parquet_writer *writer);

// Reads a whole file of at most `row_limit` rows and `byte_limit` bytes in memory.
int32_t ipfskit_parquet_reader_open(
    const char *path, int64_t row_limit, int64_t byte_limit, parquet_reader **reader, char *problem,
    int64_t capacity);

int64_t ipfskit_parquet_reader_rows(const parquet_reader *reader);
int32_t ipfskit_parquet_reader_columns(const parquet_reader *reader);
const char *ipfskit_parquet_reader_name(const parquet_reader *reader, int32_t column);
int32_t ipfskit_parquet_reader_type(const parquet_reader *reader, int32_t column);

// The name Arrow gives the column's type.
const char *ipfskit_parquet_reader_type_name(const parquet_reader *reader, int32_t column);

// One byte for each row, or null if no value is missing.
const uint8_t *ipfskit_parquet_reader_valid(const parquet_reader *reader, int32_t column);

// The bytes of a text column; its offsets are rows + 1 numbers.
const uint8_t *ipfskit_parquet_reader_bytes(const parquet_reader *reader, int32_t column);
const int64_t *ipfskit_parquet_reader_offsets(const parquet_reader *reader, int32_t column);

// Whole numbers, timestamps, and truth values as 0 and 1.
const int64_t *ipfskit_parquet_reader_int64(const parquet_reader *reader, int32_t column);
const double *ipfskit_parquet_reader_double(const parquet_reader *reader, int32_t column);

// The file's own metadata; both texts are null past the last pair.
int32_t ipfskit_parquet_reader_metadata(
    const parquet_reader *reader, int32_t index, const char **key, const char **value);

void ipfskit_parquet_reader_free(parquet_reader *reader);

#ifdef __cplusplus
}
#endif

#endif
