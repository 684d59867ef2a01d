// The library gets only the texts that need its escapes.
#include "base/json_writer.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace drover {

namespace {

using Json = nlohmann::json;

bool is_plain(char c) {
  return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

}  // namespace

void JsonWriter::value(std::string_view text) {
  std::string& out = separate();
  if (std::ranges::all_of(text, is_plain)) {
    out.append("\"").append(text).append("\"");
  } else {
    out.append(Json(text).dump(-1, ' ', true, Json::error_handler_t::replace));
  }
}

void JsonWriter::value(double number) {
  separate().append(Json(number).dump());
}

std::string& JsonWriter::separate() {
  const char last = text_.empty() ? ':' : text_.back();
  if (last != '{' && last != '[' && last != ':') text_.push_back(',');
  return text_;
}

}  // namespace drover
