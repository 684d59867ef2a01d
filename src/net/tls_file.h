// What all readers of TLS files have in common.
#pragma once

#include <chrono>
#include <string>

#include "base/error.h"
#include "net/openssl.h"

struct asn1_string_st;

namespace drover::net {

// "`file`: `why`". Error: kConfiguration.
std::unexpected<Error> refuse_file(const std::string& file, const std::string& why);

// For reading; OpenSSL's error queue is empty then. Error: kConfiguration.
Result<OpenSslOwner<bio_st>> open_tls_file(const std::string& file);

// An ASN1_TIME, within what the clock can say: it ends in 2262, and "for ever" is the end of 9999 (RFC 5280 section
// 4.1.2.5).
std::chrono::system_clock::time_point time_of(const asn1_string_st* time);

}  // namespace drover::net
