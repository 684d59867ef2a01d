// Which OpenSSL and wslay run: for `drover -V`.
#pragma once

namespace drover::websocket {

const char* openssl_version();  // of the library that was loaded: "3.0.17"
const char* wslay_version();    // as its header says; releases forget to change it

}  // namespace drover::websocket
