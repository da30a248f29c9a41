// Splits the loops of this library's own kernels over threads of its own.
// libtorch's OpenMP threads spin after each loop, and so do those of a BLAS with a pool of its own: together they steal the
// processors from each other. These sleep after a few microseconds.
#pragma once
#include <cstdint>
#include <functional>

namespace plumb {

// Threads that a loop is split over: what plumb_set_threads said, else OMP_NUM_THREADS, else the processors this process may use.
int64_t parallel_threads();
void set_parallel_threads(int64_t count);

// Calls work(begin, end) for disjoint ranges that cover [0, count), each of at least `grain` items but the last. A loop within a loop, or
// beside another thread's, runs where it is. Which thread works on which range is not fixed: ranges must not share what they write.
void parallel_for(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& work);

}  // namespace plumb
