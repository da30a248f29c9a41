// The threads behind parallel.h. They are made at the first loop that needs them and live as long as the process.
#include "parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>

namespace plumb {
namespace {

// About as long as two loops of a decoding step lie apart; a longer wait sleeps.
constexpr int spins = 2000;

inline void pause_a_moment() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    std::this_thread::yield();
#endif
}

int64_t default_threads() {
    if (auto given = std::getenv("OMP_NUM_THREADS")) {
        auto count = std::atoll(given);
        if (count > 0) return count;
    }
    return std::max<int64_t>(1, std::thread::hardware_concurrency());
}

std::atomic<int64_t> threads{0};

class Pool {
public:
    // Works on the loop with `helpers` more threads; false where the pool is busy with another loop.
    bool run(int64_t count, int64_t chunk, int64_t helpers, const std::function<void(int64_t, int64_t)>& work) {
        std::unique_lock<std::mutex> busy(one_loop_, std::try_to_lock);
        if (!busy) return false;
        for (; made_ < helpers; made_++) std::thread([this, id = made_] { serve(id); }).detach();
        work_ = &work;
        count_ = count;
        chunk_ = chunk;
        error_ = nullptr;
        next_.store(0, std::memory_order_relaxed);
        {
            std::lock_guard<std::mutex> lock(mutex_);
            open_ = true;
            helpers_ = helpers;
            loop_.fetch_add(1, std::memory_order_release);
        }
        wake_.notify_all();
        take_chunks();
        {
            // A thread that has not come by now finds nothing to do: don't wait for it.
            std::lock_guard<std::mutex> lock(mutex_);
            open_ = false;
        }
        for (int i = 0; active_.load(std::memory_order_acquire) > 0; i++) {
            if (i < spins) pause_a_moment();
            else std::this_thread::yield();
        }
        if (error_) std::rethrow_exception(error_);
        return true;
    }

    static bool& inside() {
        static thread_local bool value = false;
        return value;
    }

private:
    void serve(int64_t id) {
        inside() = true;
        uint64_t seen = 0;
        for (;;) {
            for (int i = 0; i < spins && loop_.load(std::memory_order_acquire) == seen; i++) pause_a_moment();
            {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, [&] { return loop_.load(std::memory_order_relaxed) != seen; });
                seen = loop_.load(std::memory_order_relaxed);
                if (!open_ || id >= helpers_) continue;
                active_.fetch_add(1, std::memory_order_relaxed);
            }
            take_chunks();
            active_.fetch_sub(1, std::memory_order_release);
        }
    }

    void take_chunks() {
        try {
            for (;;) {
                auto begin = next_.fetch_add(chunk_, std::memory_order_relaxed);
                if (begin >= count_) return;
                (*work_)(begin, std::min(begin + chunk_, count_));
            }
        } catch (...) {
            std::lock_guard<std::mutex> lock(mutex_);
            if (!error_) error_ = std::current_exception();
            next_.store(count_, std::memory_order_relaxed);
        }
    }

    std::mutex one_loop_, mutex_;
    std::condition_variable wake_;
    std::atomic<uint64_t> loop_{0};
    std::atomic<int64_t> next_{0}, active_{0};
    bool open_ = false;
    const std::function<void(int64_t, int64_t)>* work_ = nullptr;
    int64_t count_ = 0, chunk_ = 1, helpers_ = 0, made_ = 0;
    std::exception_ptr error_;
};

// Never destroyed: its threads may outlive the last static destructor.
Pool& pool() {
    static auto& one = *new Pool;
    return one;
}

}  // namespace

int64_t parallel_threads() {
    auto count = threads.load(std::memory_order_relaxed);
    if (count == 0) threads.store(count = default_threads(), std::memory_order_relaxed);
    return count;
}

void set_parallel_threads(int64_t count) { threads.store(std::max<int64_t>(1, count), std::memory_order_relaxed); }

void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& work) {
    if (count <= 0) return;
    auto most = std::min(parallel_threads(), (count + grain - 1) / grain);
    if (most > 1 && !Pool::inside()) {
        // Several chunks a thread, so that one that is late does not hold up all.
        auto chunk = std::max(grain, (count + 4 * most - 1) / (4 * most));
        Pool::inside() = true;
        struct Leave {
            ~Leave() { Pool::inside() = false; }
        } leave;
        if (pool().run(count, chunk, most - 1, work)) return;
    }
    work(0, count);
}

}  // namespace plumb
