// Random bytes from the kernel, for ids and masking keys: not to be guessed. Thread-safe.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"

namespace drover {

// Fills `out`. Buffers a page a thread, so that an id costs no system call.
void fill_random(MutableBytes out);

std::string to_hex(Bytes bytes);  // lower case

}  // namespace drover
