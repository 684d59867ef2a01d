// --demo: the configuration around the built-in backends, and what to tell whoever tries it.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "net/address.h"

namespace drover::app {

// Listens on the first free port from 8080 to 8099, of loopback alone, and for admin on 127.0.0.1:9900 unless that is
// taken. Error: kAddress.
Result<config::Config> demo_config(const std::vector<net::Address>& backends);

// The address and lines to paste, for stdout.
std::string demo_greeting(const net::Address& listening);

}  // namespace drover::app
