// What both halves of the shim share: the way from exceptions and Arrow's statuses to a result code and a text.

#ifndef IPFSKIT_PARQUET_GUARD_H
#define IPFSKIT_PARQUET_GUARD_H

#include "ParquetShim.h"

#include <arrow/result.h>
#include <arrow/status.h>

#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

namespace shim {

// A failure with its result code.
struct Failure : std::runtime_error {
    parquet_result code;
    Failure(parquet_result code, const std::string &text) : std::runtime_error(text), code(code) {}
};

inline void require(const arrow::Status &status, parquet_result code) {
    if (status.ok()) return;
    throw Failure(status.IsOutOfMemory() ? PARQUET_TOO_LARGE : code, status.message());
}

template <typename T>
T require(arrow::Result<T> result, parquet_result code) {
    require(result.status(), code);
    return std::move(result).ValueUnsafe();
}

inline int32_t report(parquet_result code, const char *text, char *problem, int64_t capacity) {
    if (problem != nullptr && capacity > 0) std::snprintf(problem, static_cast<size_t>(capacity), "%s", text);
    return code;
}

// Runs `work` and turns whatever it throws into a code; `other` stands for exceptions that carry none.
template <typename Work>
int32_t guarded(parquet_result other, char *problem, int64_t capacity, Work work) {
    try {
        work();
        return PARQUET_OK;
    } catch (const Failure &failure) {
        return report(failure.code, failure.what(), problem, capacity);
    } catch (const std::bad_alloc &) {
        return report(PARQUET_TOO_LARGE, "there is not enough memory", problem, capacity);
    } catch (const std::length_error &) {
        return report(PARQUET_TOO_LARGE, "a length is out of bounds", problem, capacity);
    } catch (const std::exception &error) {
        return report(other, error.what(), problem, capacity);
    } catch (...) {
        return report(other, "an unknown failure", problem, capacity);
    }
}

}  // namespace shim

#endif
