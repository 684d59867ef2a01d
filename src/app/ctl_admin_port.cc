// A file, an environment, and a default.
#include "app/ctl_admin_port.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "config/addresses.h"

namespace drover::app {

namespace {

constexpr std::size_t kLongestToken = 4'096;  // what is longer is another file

std::unexpected<Error> wrong(std::string detail) {
  return fail(Code::kConfiguration, Side::kDrover, std::move(detail));
}

// "Any address" is where a server listens; whoever connects means this machine.
config::Endpoint reachable(const config::Endpoint& bind) {
  config::Endpoint address = bind;
  if (address.host.empty() || address.host == "0.0.0.0") address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  const bool ipv6 = address.host.contains(':');
  address.text = (ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
  return address;
}

// The line breaks at its end are not part of it.
Result<std::string> checked_token(std::string token, const std::string& source) {
  while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
  if (token.empty()) return wrong(source + " has no token");
  const bool visible = std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; });
  if (!visible) return wrong(source + " has more than visible ASCII characters in the token");
  return token;
}

Result<std::string> read_token(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string token(kLongestToken + 1, '\0');
  if (!file || (!file.read(token.data(), static_cast<std::streamsize>(token.size())) && !file.eof())) {
    return wrong("cannot read the token file '" + path + "'");
  }
  token.resize(static_cast<std::size_t>(file.gcount()));
  if (token.size() > kLongestToken) return wrong("the token file '" + path + "' is over 4096 bytes: is it one?");
  return checked_token(std::move(token), "the token file '" + path + "'");
}

Result<AdminPort> from_config(const std::string& file, const config::Environment& environment) {
  const auto loaded = config::load_file(file, environment);
  if (!loaded.config) {
    std::string errors = loaded.diagnostics.text();
    if (errors.ends_with('\n')) errors.pop_back();
    return wrong("the configuration has errors:\n" + errors);
  }
  const auto& admin = loaded.config->admin;
  if (!admin.bind) return wrong("'" + file + "' turns the admin port off: admin.bind is \"\"");
  if (admin.bind->port == 0) return wrong("'" + file + "' leaves the admin port's number to the kernel: use --admin");
  return AdminPort{reachable(*admin.bind), admin.token};
}

Result<config::Endpoint> address_of(const CtlLine& line, const config::Environment& environment) {
  if (line.admin) return reachable(*line.admin);
  const auto named = environment("DROVER_ADMIN");
  if (!named || named->empty()) return *config::Admin().bind;
  const auto parsed = config::parse_endpoint(*named);
  if (!parsed) return wrong("the environment's DROVER_ADMIN: " + parsed.error().detail);
  return reachable(*parsed);
}

Result<std::string> token_of(const CtlLine& line, const config::Environment& environment) {
  if (!line.token_file.empty()) return read_token(line.token_file);
  const auto token = environment("DROVER_ADMIN_TOKEN");
  if (!token || token->empty()) return std::string();
  return checked_token(*token, "the environment's DROVER_ADMIN_TOKEN");
}

}  // namespace

Result<AdminPort> find_admin_port(const CtlLine& line, const config::Environment& environment) {
  if (!line.config_file.empty()) return from_config(line.config_file, environment);
  auto address = address_of(line, environment);
  if (!address) return std::unexpected(address.error());
  auto token = token_of(line, environment);
  if (!token) return std::unexpected(token.error());
  return AdminPort{*std::move(address), *std::move(token)};
}

}  // namespace drover::app
