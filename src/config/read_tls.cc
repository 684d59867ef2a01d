// Syntax alone: whether a key belongs to its certificate shows when both are opened.
#include "config/read_tls.h"

#include <array>
#include <map>
#include <utility>

#include "config/addresses.h"
#include "config/text.h"

namespace drover::config {
namespace {

constexpr std::array kVersions = {
    Choice<TlsVersion>{"1.2", TlsVersion::k12},
    Choice<TlsVersion>{"1.3", TlsVersion::k13},
};

// An empty text is no file.
void read_path(Reader& reader, const Field& field, std::string& out) {
  const auto text = reader.text(field);
  if (text && !text->empty()) out = reader.absolute_path(field, *text).value_or("");
}

void read_needed_path(Reader& reader, const Field& field, std::string& out) {
  const auto text = reader.text(field);
  if (!text) return;
  if (text->empty()) return reader.error(field.position(), "'" + field.path + "' is empty");
  out = reader.absolute_path(field, *text).value_or("");
}

Certificate read_certificate(Reader& reader, const Field& map) {
  Certificate certificate;
  read_needed_path(reader, map["cert"], certificate.cert);
  read_needed_path(reader, map["key"], certificate.key);
  read_path(reader, map["ocsp"], certificate.ocsp);
  return certificate;
}

std::vector<Certificate> read_certificates(Reader& reader, const Field& list) {
  std::vector<Certificate> certificates;
  std::map<std::pair<std::string, std::string>, std::size_t> known;
  if (list.is(NodeKind::kList) && list.size() == 0) reader.error(list.position(), "'" + list.path + "' is empty");
  for (std::size_t index = 0; index < list.size(); ++index) {
    const Field field = list.item(index);
    Certificate certificate = read_certificate(reader, field);
    if (certificate.cert.empty() || certificate.key.empty()) continue;
    const auto [twin, added] = known.emplace(std::pair(certificate.cert, certificate.key), index);
    if (!added)
      reader.error(field.position(), "duplicate certificate " + in_quotes(certificate.cert) +
                                         " with the same key; the first is " + list.item(twin->second).path);
    certificates.push_back(std::move(certificate));
  }
  return certificates;
}

void warn_of_unverified(Reader& reader, const Field& map) {
  const Field verify = map["verify"];
  reader.warn(
      verify.position(),
      "'" + verify.path + "' is false: anybody on the way can pose as the backend, and read and change what passes");
}

void warn_of_idle(Reader& reader, const Field& map, std::string_view key) {
  const Field field = map[key];
  reader.warn(field.position(), "'" + field.path + "' has no effect where '" + map.child_path("verify") + "' is false");
}

}  // namespace

std::optional<ListenerTls> read_listener_tls(Reader& reader, const Field& map) {
  if (!map.is(NodeKind::kMap)) return std::nullopt;
  ListenerTls tls;
  tls.certificates = read_certificates(reader, map["certificates"]);
  reader.choice(map["min_version"], std::span<const Choice<TlsVersion>>(kVersions), tls.min_version);
  read_path(reader, map["client_ca"], tls.client_ca);
  return tls;
}

std::optional<BackendTls> read_backend_tls(Reader& reader, const Field& map) {
  if (!map.is(NodeKind::kMap)) return std::nullopt;
  BackendTls tls;
  reader.flag(map["verify"], tls.verify);
  const Field server_name = map["server_name"];
  const auto name = reader.text(server_name);
  if (name && !name->empty()) tls.server_name = reader.parsed(server_name, *name, parse_server_name).value_or("");
  read_path(reader, map["ca"], tls.ca);
  read_path(reader, map["crl"], tls.crl);
  if (tls.verify) return tls;
  warn_of_unverified(reader, map);
  if (!tls.ca.empty()) warn_of_idle(reader, map, "ca");
  if (!tls.crl.empty()) warn_of_idle(reader, map, "crl");
  return tls;
}

}  // namespace drover::config
