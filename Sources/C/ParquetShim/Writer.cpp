#include "Guard.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/chunked_array.h>
#include <arrow/io/file.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/writer.h>

#include <memory>
#include <vector>

using shim::Failure;
using shim::guarded;
using shim::require;

struct parquet_writer {
    std::shared_ptr<arrow::Schema> schema;
    std::shared_ptr<arrow::io::FileOutputStream> file;
    std::unique_ptr<parquet::arrow::FileWriter> writer;
    int next = 0;  // the column that is written next
    bool open = true;
};

namespace {

std::shared_ptr<arrow::DataType> data_type(int32_t type) {
    switch (type) {
    case PARQUET_TEXT: return arrow::large_utf8();
    case PARQUET_INT64: return arrow::int64();
    case PARQUET_TIMESTAMP_MILLIS: return arrow::timestamp(arrow::TimeUnit::MILLI, "UTC");
    default: throw Failure(PARQUET_BAD_ARGUMENT, "this type of column cannot be written");
    }
}

std::shared_ptr<parquet::WriterProperties> properties(
    int32_t compression, int32_t columns, const char *const *names, const uint8_t *traits) {
    parquet::WriterProperties::Builder builder;
    builder.disable_dictionary();
    for (int32_t column = 0; column < columns; column++) {
        if ((traits[column] & PARQUET_REPEATS) != 0) builder.enable_dictionary(names[column]);
    }
    builder.version(parquet::ParquetVersion::PARQUET_2_6);
    builder.compression(compression == 0 ? parquet::Compression::SNAPPY : parquet::Compression::ZSTD);
    if (compression != 0) builder.compression_level(1);
    return builder.build();
}

// One bit for each row from one byte for each row; nothing if no row is missing.
std::shared_ptr<arrow::Buffer> bitmap(const uint8_t *valid, int64_t rows) {
    if (valid == nullptr) return nullptr;
    auto buffer = require(arrow::AllocateEmptyBitmap(rows), PARQUET_TOO_LARGE);
    for (int64_t row = 0; row < rows; row++) {
        if (valid[row] != 0) arrow::bit_util::SetBit(buffer->mutable_data(), row);
    }
    return buffer;
}

std::shared_ptr<arrow::Buffer> view(const void *start, int64_t bytes) {
    return std::make_shared<arrow::Buffer>(static_cast<const uint8_t *>(start), bytes);
}

void write(parquet_writer *writer, std::vector<std::shared_ptr<arrow::Buffer>> buffers, int64_t rows, bool is_text) {
    if (writer->next >= writer->schema->num_fields()) {
        throw Failure(PARQUET_BAD_ARGUMENT, "the row group has no more columns");
    }
    const auto &field = writer->schema->field(writer->next);
    if ((field->type()->id() == arrow::Type::LARGE_STRING) != is_text) {
        throw Failure(PARQUET_BAD_ARGUMENT, "column " + field->name() + " has another type");
    }
    auto array = arrow::MakeArray(arrow::ArrayData::Make(field->type(), rows, std::move(buffers)));
    if (!field->nullable() && array->null_count() > 0) {
        throw Failure(PARQUET_BAD_ARGUMENT, "column " + field->name() + " must have a value in each row");
    }
    require(writer->writer->WriteColumnChunk(std::make_shared<arrow::ChunkedArray>(array)), PARQUET_IO_ERROR);
    writer->next++;
}

}  // namespace

extern "C" int32_t ipfskit_parquet_abi(void) { return PARQUET_ABI; }

extern "C" int32_t ipfskit_parquet_writer_open(
    const char *path, int32_t columns, const char *const *names, const int32_t *types, const uint8_t *traits,
    int32_t compression, parquet_writer **writer, char *problem, int64_t capacity) {
    return guarded(PARQUET_IO_ERROR, problem, capacity, [&] {
        auto result = std::make_unique<parquet_writer>();
        arrow::FieldVector fields;
        for (int32_t column = 0; column < columns; column++) {
            const bool is_optional = (traits[column] & PARQUET_OPTIONAL) != 0;
            fields.push_back(arrow::field(names[column], data_type(types[column]), is_optional));
        }
        result->schema = arrow::schema(fields);
        result->file = require(arrow::io::FileOutputStream::Open(path), PARQUET_IO_ERROR);
        result->writer = require(
            parquet::arrow::FileWriter::Open(
                *result->schema, arrow::default_memory_pool(), result->file,
                properties(compression, columns, names, traits)),
            PARQUET_IO_ERROR);
        *writer = result.release();
    });
}

extern "C" int32_t ipfskit_parquet_writer_metadata(
    parquet_writer *writer, const char *key, const char *value, char *problem, int64_t capacity) {
    return guarded(PARQUET_IO_ERROR, problem, capacity, [&] {
        std::vector<std::string> keys{key}, values{value};
        require(writer->writer->AddKeyValueMetadata(arrow::key_value_metadata(keys, values)), PARQUET_IO_ERROR);
    });
}

extern "C" int32_t ipfskit_parquet_writer_begin(parquet_writer *writer, char *problem, int64_t capacity) {
    return guarded(PARQUET_IO_ERROR, problem, capacity, [&] {
        require(writer->writer->NewRowGroup(), PARQUET_IO_ERROR);
        writer->next = 0;
    });
}

extern "C" int32_t ipfskit_parquet_writer_text(
    parquet_writer *writer, int64_t rows, const uint8_t *bytes, const int64_t *offsets, const uint8_t *valid,
    char *problem, int64_t capacity) {
    return guarded(PARQUET_IO_ERROR, problem, capacity, [&] {
        auto places = view(offsets, (rows + 1) * static_cast<int64_t>(sizeof(int64_t)));
        write(writer, {bitmap(valid, rows), places, view(bytes, offsets[rows])}, rows, true);
    });
}

extern "C" int32_t ipfskit_parquet_writer_int64(
    parquet_writer *writer, int64_t rows, const int64_t *values, const uint8_t *valid, char *problem,
    int64_t capacity) {
    return guarded(PARQUET_IO_ERROR, problem, capacity, [&] {
        write(writer, {bitmap(valid, rows), view(values, rows * static_cast<int64_t>(sizeof(int64_t)))}, rows, false);
    });
}

extern "C" int32_t ipfskit_parquet_writer_close(parquet_writer *writer, char *problem, int64_t capacity) {
    return guarded(PARQUET_IO_ERROR, problem, capacity, [&] {
        writer->open = false;
        require(writer->writer->Close(), PARQUET_IO_ERROR);
        require(writer->file->Close(), PARQUET_IO_ERROR);
    });
}

extern "C" void ipfskit_parquet_writer_free(parquet_writer *writer) {
    guarded(PARQUET_IO_ERROR, nullptr, 0, [&] {
        // The file is closed first, so that an abandoned writer cannot finish it with a footer.
        if (writer->open) (void)writer->file->Close();
        delete writer;
    });
}
