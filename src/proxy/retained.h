// What is kept of a handshake so that another backend can be dialled as the first one was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace drover::proxy {

struct Retained {
  std::string head;                       // as backends get it, but for what each dial adds: http::head_for_dial()
  std::string subprotocol;                // that the backend chose; empty: none
  std::string extensions;                 // websocket::Extensions::canonical
  std::optional<std::uint64_t> hash_key;  // of the policy consistent_hash
};

}  // namespace drover::proxy
