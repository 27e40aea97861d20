// What kernels read from and write to the memory of the device, in sectors of 32 bytes: counted when they are compiled
// with `-DCOUNT_TRAFFIC -fsanitize=thread`, whose calls at every access traffic.cpp answers.
#pragma once
#include <cstddef>

struct Traffic {
    long long moved;    // bytes that pass between a block and the rest: each block keeps its last 128 KiB
    long long touched;  // bytes that a launch reads or writes at least once, each counted once for reading and for writing
};

namespace traffic {
void allocated(const void* place, size_t bytes);
void freed(const void* place);
void begin(Traffic* of);  // of one launch
void end();
}  // namespace traffic
