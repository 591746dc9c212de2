#include "Guard.h"
#include "CappedPool.h"

#include <arrow/array.h>
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <arrow/util/config.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/file_reader.h>

#include <algorithm>
#include <memory>
#include <vector>

using shim::Failure;
using shim::guarded;
using shim::require;

namespace {

struct Column {
    std::string name;
    std::string type_name;
    parquet_type type = PARQUET_UNSUPPORTED;
    bool has_missing = false;
    std::vector<uint8_t> valid;
    std::vector<uint8_t> bytes;
    std::vector<int64_t> offsets{0};
    std::vector<int64_t> integers;
    std::vector<double> doubles;
};

}  // namespace

struct parquet_reader {
    int64_t rows = 0;
    std::vector<Column> columns;
    std::shared_ptr<const arrow::KeyValueMetadata> metadata;
};

namespace {

parquet_type kind(const arrow::DataType &type) {
    switch (type.id()) {
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING: return PARQUET_TEXT;
    case arrow::Type::DICTIONARY: {
        auto value = kind(*static_cast<const arrow::DictionaryType &>(type).value_type());
        return value == PARQUET_TEXT ? PARQUET_TEXT : PARQUET_UNSUPPORTED;
    }
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16:
    case arrow::Type::UINT32: return PARQUET_INT64;
    case arrow::Type::TIMESTAMP: return PARQUET_TIMESTAMP_MILLIS;
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE: return PARQUET_DOUBLE;
    case arrow::Type::BOOL: return PARQUET_BOOLEAN;
    case arrow::Type::NA: return PARQUET_NULL;
    default: return PARQUET_UNSUPPORTED;
    }
}

int64_t milliseconds(int64_t value, arrow::TimeUnit::type unit) {
    // Times before 1970 are rounded down too.
    auto divided = [value](int64_t by) { return value / by - (value % by < 0 ? 1 : 0); };
    switch (unit) {
    case arrow::TimeUnit::SECOND: {
        int64_t result;
        if (__builtin_mul_overflow(value, int64_t{1000}, &result)) {
            throw Failure(PARQUET_CORRUPT, "a time is out of bounds");
        }
        return result;
    }
    case arrow::TimeUnit::MILLI: return value;
    case arrow::TimeUnit::MICRO: return divided(1000);
    case arrow::TimeUnit::NANO: return divided(1000000);
    }
    return value;
}

int64_t integer(const arrow::Array &array, int64_t row) {
    switch (array.type_id()) {
    case arrow::Type::INT8: return static_cast<const arrow::Int8Array &>(array).Value(row);
    case arrow::Type::INT16: return static_cast<const arrow::Int16Array &>(array).Value(row);
    case arrow::Type::INT32: return static_cast<const arrow::Int32Array &>(array).Value(row);
    case arrow::Type::INT64: return static_cast<const arrow::Int64Array &>(array).Value(row);
    case arrow::Type::UINT8: return static_cast<const arrow::UInt8Array &>(array).Value(row);
    case arrow::Type::UINT16: return static_cast<const arrow::UInt16Array &>(array).Value(row);
    case arrow::Type::UINT32: return static_cast<const arrow::UInt32Array &>(array).Value(row);
    case arrow::Type::BOOL: return static_cast<const arrow::BooleanArray &>(array).Value(row) ? 1 : 0;
    case arrow::Type::TIMESTAMP: {
        auto unit = static_cast<const arrow::TimestampType &>(*array.type()).unit();
        return milliseconds(static_cast<const arrow::TimestampArray &>(array).Value(row), unit);
    }
    default: throw Failure(PARQUET_CORRUPT, "a column changes its type");
    }
}

std::string_view text(const arrow::Array &array, int64_t row) {
    switch (array.type_id()) {
    case arrow::Type::STRING: return static_cast<const arrow::StringArray &>(array).GetView(row);
    case arrow::Type::LARGE_STRING: return static_cast<const arrow::LargeStringArray &>(array).GetView(row);
    case arrow::Type::DICTIONARY: {
        const auto &dictionary = static_cast<const arrow::DictionaryArray &>(array);
        int64_t index = dictionary.GetValueIndex(row);
        if (index < 0 || index >= dictionary.dictionary()->length()) {
            throw Failure(PARQUET_CORRUPT, "a dictionary index is out of bounds");
        }
        return text(*dictionary.dictionary(), index);
    }
    default: throw Failure(PARQUET_CORRUPT, "a column changes its type");
    }
}

void append_row(Column &column, const arrow::Array &array, int64_t row, int64_t &budget) {
    bool present = array.IsValid(row) && column.type != PARQUET_NULL;
    column.valid.push_back(present ? 1 : 0);
    column.has_missing = column.has_missing || !present;
    switch (column.type) {
    case PARQUET_TEXT: {
        auto value = present ? text(array, row) : std::string_view();
        budget -= static_cast<int64_t>(value.size());
        if (budget < 0) throw Failure(PARQUET_TOO_LARGE, "the texts in it are too large");
        column.bytes.insert(column.bytes.end(), value.begin(), value.end());
        column.offsets.push_back(static_cast<int64_t>(column.bytes.size()));
        break;
    }
    case PARQUET_DOUBLE:
        if (!present) {
            column.doubles.push_back(0);
        } else if (array.type_id() == arrow::Type::FLOAT) {
            column.doubles.push_back(static_cast<const arrow::FloatArray &>(array).Value(row));
        } else {
            column.doubles.push_back(static_cast<const arrow::DoubleArray &>(array).Value(row));
        }
        break;
    case PARQUET_NULL: break;
    default: column.integers.push_back(present ? integer(array, row) : 0);
    }
}

std::shared_ptr<arrow::Table> row_group(parquet::arrow::FileReader &file, int group, const std::vector<int> &leaves) {
#if ARROW_VERSION_MAJOR >= 24
    return require(file.ReadRowGroup(group, leaves), PARQUET_CORRUPT);
#else
    std::shared_ptr<arrow::Table> table;
    require(file.ReadRowGroup(group, leaves, &table), PARQUET_CORRUPT);
    return table;
#endif
}

// The most that a file may be divided into. Real ones have tens of columns, and row groups of many rows.
constexpr int most_columns = 4096;
constexpr int most_groups = 100000;
constexpr int32_t longest_text = 16 << 20;
constexpr int32_t most_items = 1000000;

// Bytes that one row of a column takes here, beside texts.
int64_t width(const Column &column) {
    switch (column.type) {
    case PARQUET_UNSUPPORTED: return 0;
    case PARQUET_NULL: return 1;
    default: return 9;
    }
}

// Compares what the file says of itself with the limits: none of it is believed, and all of it is asked for later.
// Gives how many bytes are left for texts.
int64_t check(
    const parquet::FileMetaData &metadata, const parquet_reader &reader, const std::vector<int> &leaves,
    int64_t row_limit, int64_t byte_limit, int64_t memory_limit) {
    if (reader.rows < 0) throw Failure(PARQUET_CORRUPT, "its number of rows is negative");
    if (reader.rows > row_limit) throw Failure(PARQUET_TOO_LARGE, "it has too many rows");
    if (metadata.num_row_groups() > most_groups) throw Failure(PARQUET_TOO_LARGE, "it has too many row groups");
    int64_t taken = 0;
    for (const auto &column : reader.columns) {
        int64_t size = 0;
        if (__builtin_mul_overflow(reader.rows, width(column), &size) || __builtin_add_overflow(taken, size, &taken)) {
            throw Failure(PARQUET_TOO_LARGE, "it would take too much memory");
        }
    }
    if (taken > byte_limit) throw Failure(PARQUET_TOO_LARGE, "it would take too much memory");
    int64_t rows = 0;
    for (int group = 0; group < metadata.num_row_groups(); group++) {
        auto info = metadata.RowGroup(group);
        if (info->num_rows() < 0 || info->num_rows() > reader.rows - rows) {
            throw Failure(PARQUET_CORRUPT, "a row group has an impossible number of rows");
        }
        rows += info->num_rows();
        if (info->total_byte_size() > memory_limit) throw Failure(PARQUET_TOO_LARGE, "a row group is too large");
        int64_t size = 0;
        for (int leaf : leaves) {
            auto chunk = info->ColumnChunk(leaf);
            if (chunk->num_values() != info->num_rows() || chunk->total_uncompressed_size() < 0) {
                throw Failure(PARQUET_CORRUPT, "a column has another number of values than rows");
            }
            if (__builtin_add_overflow(size, chunk->total_uncompressed_size(), &size) || size > memory_limit) {
                throw Failure(PARQUET_TOO_LARGE, "a row group is too large");
            }
        }
    }
    if (rows != reader.rows) throw Failure(PARQUET_CORRUPT, "its row groups have another number of rows than the file");
    return byte_limit - taken;
}

// Reads the columns of one row group after another, so that only one group is in memory twice.
void read(
    parquet::arrow::FileReader &file, parquet_reader &reader, int64_t row_limit, int64_t byte_limit,
    int64_t memory_limit) {
    auto metadata = file.parquet_reader()->metadata();
    reader.metadata = metadata->key_value_metadata();
    reader.rows = metadata->num_rows();
    if (metadata->num_columns() > most_columns) throw Failure(PARQUET_TOO_LARGE, "it has too many columns");

    std::vector<int> leaves;
    std::vector<size_t> places;
    for (const auto &field : file.manifest().schema_fields) {
        Column column;
        column.name = field.field->name();
        column.type_name = field.field->type()->ToString();
        column.type = field.is_leaf() ? kind(*field.field->type()) : PARQUET_UNSUPPORTED;
        if (column.type != PARQUET_UNSUPPORTED) {
            leaves.push_back(field.column_index);
            places.push_back(reader.columns.size());
        }
        reader.columns.push_back(std::move(column));
    }
    int64_t budget = check(*metadata, reader, leaves, row_limit, byte_limit, memory_limit);
    for (int group = 0; group < file.num_row_groups(); group++) {
        auto table = row_group(file, group, leaves);
        // Offsets and indexes in a file of somebody else's are numbers like any others.
        require(table->ValidateFull(), PARQUET_CORRUPT);
        for (size_t index = 0; index < leaves.size(); index++) {
            auto &column = reader.columns[places[index]];
            for (const auto &chunk : table->column(static_cast<int>(index))->chunks()) {
                if (static_cast<int64_t>(column.valid.size()) + chunk->length() > reader.rows) {
                    throw Failure(PARQUET_CORRUPT, "a column has more rows than the file");
                }
                for (int64_t row = 0; row < chunk->length(); row++) append_row(column, *chunk, row, budget);
            }
        }
    }
    for (size_t place : places) {
        if (static_cast<int64_t>(reader.columns[place].valid.size()) != reader.rows) {
            throw Failure(PARQUET_CORRUPT, "a column has fewer rows than the file");
        }
    }
}

}  // namespace

extern "C" int32_t ipfskit_parquet_reader_open(
    const char *path, int64_t row_limit, int64_t byte_limit, parquet_reader **reader, char *problem,
    int64_t capacity) {
    return guarded(PARQUET_CORRUPT, problem, capacity, [&] {
        // What Arrow takes while it decodes: the file cannot be asked, for decoders believe the numbers in its pages.
        const int64_t memory_limit = std::clamp<int64_t>(byte_limit, 0, int64_t{1} << 30) + (int64_t{64} << 20);
        auto &pool = shim::CappedPool::make(memory_limit);
        auto source = require(arrow::io::ReadableFile::Open(path, &pool), PARQUET_IO_ERROR);
        parquet::ReaderProperties properties(&pool);
        properties.set_thrift_string_size_limit(longest_text);
        properties.set_thrift_container_size_limit(most_items);
        properties.set_page_checksum_verification(true);
        parquet::arrow::FileReaderBuilder builder;
        require(builder.Open(source, properties), PARQUET_CORRUPT);
        std::unique_ptr<parquet::arrow::FileReader> file;
        // Everything happens here and now: what is read ahead by other threads is not counted against any limit in time.
        parquet::ArrowReaderProperties habits(false);
        habits.set_pre_buffer(false);
        require(builder.memory_pool(&pool)->properties(habits)->Build(&file), PARQUET_CORRUPT);
        auto result = std::make_unique<parquet_reader>();
        read(*file, *result, row_limit, byte_limit, memory_limit);
        *reader = result.release();
    });
}

extern "C" int64_t ipfskit_parquet_reader_rows(const parquet_reader *reader) { return reader->rows; }

extern "C" int32_t ipfskit_parquet_reader_columns(const parquet_reader *reader) {
    return static_cast<int32_t>(reader->columns.size());
}

extern "C" const char *ipfskit_parquet_reader_name(const parquet_reader *reader, int32_t column) {
    return reader->columns[column].name.c_str();
}

extern "C" int32_t ipfskit_parquet_reader_type(const parquet_reader *reader, int32_t column) {
    return reader->columns[column].type;
}

extern "C" const char *ipfskit_parquet_reader_type_name(const parquet_reader *reader, int32_t column) {
    return reader->columns[column].type_name.c_str();
}

extern "C" const uint8_t *ipfskit_parquet_reader_valid(const parquet_reader *reader, int32_t column) {
    const auto &found = reader->columns[column];
    return found.has_missing ? found.valid.data() : nullptr;
}

extern "C" const uint8_t *ipfskit_parquet_reader_bytes(const parquet_reader *reader, int32_t column) {
    return reader->columns[column].bytes.data();
}

extern "C" const int64_t *ipfskit_parquet_reader_offsets(const parquet_reader *reader, int32_t column) {
    return reader->columns[column].offsets.data();
}

extern "C" const int64_t *ipfskit_parquet_reader_int64(const parquet_reader *reader, int32_t column) {
    return reader->columns[column].integers.data();
}

extern "C" const double *ipfskit_parquet_reader_double(const parquet_reader *reader, int32_t column) {
    return reader->columns[column].doubles.data();
}

extern "C" int32_t ipfskit_parquet_reader_metadata(
    const parquet_reader *reader, int32_t index, const char **key, const char **value) {
    if (reader->metadata == nullptr || index < 0 || index >= reader->metadata->size()) return 0;
    *key = reader->metadata->key(index).c_str();
    *value = reader->metadata->value(index).c_str();
    return 1;
}

extern "C" void ipfskit_parquet_reader_free(parquet_reader *reader) { delete reader; }
