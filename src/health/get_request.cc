// The configuration has been validated: neither path nor host can end a line.
#include "health/get_request.h"

namespace drover::health {

std::string get_request(const config::HealthCheck& settings, const std::string& host, std::string_view headers) {
  std::string request = "GET " + settings.path + " HTTP/1.1\r\nHost: ";
  request.append(settings.host.empty() ? host : settings.host);
  request.append("\r\nUser-Agent: drover-health-check\r\n").append(headers).append("\r\n");
  return request;
}

}  // namespace drover::health
