// Memory for Arrow, up to a limit.

#ifndef IPFSKIT_PARQUET_CAPPED_POOL_H
#define IPFSKIT_PARQUET_CAPPED_POOL_H

#include <arrow/memory_pool.h>
#include <arrow/status.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <string>

namespace shim {

class CappedPool : public arrow::MemoryPool {
public:
    explicit CappedPool(int64_t limit) : limit(limit) {}

    // A new pool, which stays for the life of the process: Arrow's threads may give a buffer back after the call that
    // wanted it has returned.
    static CappedPool &make(int64_t limit) {
        static std::mutex mutex;
        static auto *pools = new std::deque<CappedPool>();
        std::lock_guard<std::mutex> lock(mutex);
        return pools->emplace_back(limit);
    }

    arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t **out) override {
        ARROW_RETURN_NOT_OK(take(size));
        auto status = base->Allocate(size, alignment, out);
        if (!status.ok()) taken -= size;
        return status;
    }

    arrow::Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment, uint8_t **bytes) override {
        // Both may be there while the bytes are moved.
        ARROW_RETURN_NOT_OK(take(new_size));
        auto status = base->Reallocate(old_size, new_size, alignment, bytes);
        taken -= status.ok() ? old_size : new_size;
        return status;
    }

    void Free(uint8_t *bytes, int64_t size, int64_t alignment) override {
        base->Free(bytes, size, alignment);
        taken -= size;
    }

    int64_t bytes_allocated() const override { return taken; }
    int64_t max_memory() const override { return limit; }
    int64_t total_bytes_allocated() const override { return base->total_bytes_allocated(); }
    int64_t num_allocations() const override { return base->num_allocations(); }
    std::string backend_name() const override { return base->backend_name(); }

private:
    arrow::Status take(int64_t size) {
        if (size < 0 || size > limit) return arrow::Status::OutOfMemory("it would take too much memory");
        if (taken.fetch_add(size) + size > limit) {
            taken -= size;
            return arrow::Status::OutOfMemory("it would take too much memory");
        }
        return arrow::Status::OK();
    }

    arrow::MemoryPool *base = arrow::default_memory_pool();
    const int64_t limit;
    std::atomic<int64_t> taken{0};
};

}  // namespace shim

#endif
