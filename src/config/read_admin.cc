// What is a secret is never quoted in a message.
#include "config/read_admin.h"

#include <algorithm>

#include "config/text.h"
#include "config/values.h"

namespace drover::config {
namespace {

constexpr std::size_t kShortestToken = 16;  // characters: fewer can be guessed
constexpr std::size_t kLongestToken = 256;

// Reads a token that goes into a header by either scheme: Bearer takes no spaces (RFC 6750 section 2.1), and Basic no
// control characters. Returns whether one is given, be it a wrong one: that has been reported then.
bool read_token(Reader& reader, const Field& field, std::string& out) {
  const auto text = reader.secret(field);
  if (!text) return field.present();
  if (text->empty()) return false;
  const auto may_stand = [](char c) { return c > ' ' && c <= '~'; };
  if (*text == kHiddenSecret) {
    reader.error(field.position(), "'" + field.path + "' is hidden here, as in every dump; put in the secret itself");
  } else if (text->size() < kShortestToken || text->size() > kLongestToken || !std::ranges::all_of(*text, may_stand)) {
    reader.error(field.position(), "'" + field.path + "' must have " + std::to_string(kShortestToken) + " to " +
                                       std::to_string(kLongestToken) +
                                       " visible ASCII characters, without spaces; it has " +
                                       std::to_string(text->size()));
  } else {
    out = *text;
  }
  return true;
}

// A Host header is compared with these without its port; addresses need not be listed.
Result<std::string> parse_host_name(std::string_view text) {
  auto host = parse_host(text);
  if (!host || text.find(':') != std::string_view::npos)
    return invalid("expected a host name such as 'admin.example.com', without scheme and port, got " + in_quotes(text));
  return host;
}

void read_hosts(Reader& reader, const Field& list, std::vector<std::string>& out) {
  for (std::size_t index = 0; index < list.size(); ++index) {
    const Field field = list.item(index);
    const auto text = reader.text(field);
    if (!text) continue;
    if (auto host = reader.parsed(field, *text, parse_host_name)) out.push_back(*std::move(host));
  }
}

}  // namespace

std::optional<Endpoint> Binds::read(const Field& field) {
  const auto endpoint = reader_.endpoint(field);
  if (endpoint) add(field, *endpoint);
  return endpoint;
}

void Binds::add(const Field& field, const Endpoint& endpoint) {
  for (const auto& [path, other] : taken_) {
    if (!overlap(endpoint, other)) continue;
    return reader_.error(field.position(), "'" + field.path + "' at " + in_quotes(endpoint.text) + " collides with '" +
                                               path + "' at " + in_quotes(other.text));
  }
  taken_.push_back({field.path, endpoint});
}

void read_admin(Reader& reader, const Field& map, Binds& binds, Admin& admin) {
  const Field load_token = map["load_token"];
  const bool has_token = read_token(reader, map["token"], admin.token);
  const bool has_load_token = read_token(reader, load_token, admin.load_token);
  if (has_load_token && !has_token)
    reader.error(load_token.position(), "'" + load_token.path + "' needs 'admin.token': without it nobody is asked");
  if (!admin.load_token.empty() && admin.load_token == admin.token)
    reader.error(load_token.position(), "'" + load_token.path +
                                            "' is the same as 'admin.token'; backends must not be able to do what "
                                            "operators can");
  read_hosts(reader, map["hosts"], admin.hosts);

  const Field bind = map["bind"];
  if (!bind.present()) return binds.add(bind, admin.bind.value());
  const auto text = reader.text(bind);
  if (!text) return;
  admin.bind.reset();
  if (text->empty()) return;
  admin.bind = binds.read(bind);
  if (!admin.bind || is_loopback(*admin.bind) || has_token) return;
  reader.error(bind.position(), "'" + bind.path + "' at " + in_quotes(*text) +
                                    " is not a loopback address, and anybody who reaches it could end every session; "
                                    "set 'admin.token', such as \"${DROVER_ADMIN_TOKEN}\", or bind to 127.0.0.1 "
                                    "('probes.bind' is for /health, /ready and /metrics alone)");
}

void read_probes(Reader& reader, const Field& map, Binds& binds, Probes& probes) {
  const Field bind = map["bind"];
  const auto text = reader.text(bind);
  if (text && !text->empty()) probes.bind = binds.read(bind);
}

}  // namespace drover::config
