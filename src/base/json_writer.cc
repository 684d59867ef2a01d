// The library gets only the texts that need its escapes.
#include "base/json_writer.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace drover {

namespace {

bool is_plain(char c) {
  return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

}  // namespace

void JsonWriter::value(std::string_view text) {
  std::string& out = separate();
  if (std::ranges::all_of(text, is_plain)) {
    out.append("\"").append(text).append("\"");
  } else {
    using Json = nlohmann::json;
    out.append(Json(text).dump(-1, ' ', true, Json::error_handler_t::replace));
  }
}

std::string& JsonWriter::separate() {
  if (text_.empty() || std::string_view("{[:").contains(text_.back())) return text_;
  return text_.append(",");
}

}  // namespace drover
