// Which libuv runs: for `drover -V`.
#pragma once

namespace drover::net {

// Of the library that was loaded, not of the header: "1.44.2".
const char* libuv_version();

}  // namespace drover::net
