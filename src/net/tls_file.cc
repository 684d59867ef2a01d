// Errors that name the file.
#include "net/tls_file.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "net/tls_error.h"

namespace drover::net {

std::unexpected<Error> refuse_file(const std::string& file, const std::string& why) {
  return fail(Code::kConfiguration, Side::kDrover, file + ": " + why);
}

Result<OpenSslOwner<bio_st>> open_tls_file(const std::string& file) {
  ERR_clear_error();  // what was wrong elsewhere is not this file's fault
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) return refuse_file(file, "is a directory");
  OpenSslOwner<BIO> opened(BIO_new_file(file.c_str(), "rb"));
  if (opened == nullptr) return refuse_file(file, take_openssl_error("cannot be read"));
  return opened;
}

std::chrono::system_clock::time_point time_of(const asn1_string_st* time) {
  using std::chrono::system_clock;
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  const std::time_t last = system_clock::to_time_t(system_clock::time_point::max()) - 1;
  return system_clock::from_time_t(std::clamp<std::time_t>(::timegm(&parts), 0, last));
}

}  // namespace drover::net
