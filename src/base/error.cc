// Names of sides and codes, as logs and metrics spell them.
#include "base/error.h"

namespace drover {

std::string_view name_of(Side side) {
  switch (side) {
    case Side::kClient: return "client";
    case Side::kBackend: return "backend";
    case Side::kDrover: return "drover";
  }
  return "unknown";
}

std::string_view name_of(Code code) {
  switch (code) {
    case Code::kBadRequest: return "bad_request";
    case Code::kUnauthorized: return "unauthorized";
    case Code::kForbidden: return "forbidden";
    case Code::kNoRoute: return "no_route";
    case Code::kMethodNotAllowed: return "method_not_allowed";
    case Code::kRequestTimeout: return "request_timeout";
    case Code::kTargetTooLong: return "target_too_long";
    case Code::kUpgradeRequired: return "upgrade_required";
    case Code::kUnsupportedVersion: return "unsupported_version";
    case Code::kTooManyRequests: return "too_many_requests";
    case Code::kHeadTooLarge: return "head_too_large";
    case Code::kBadGateway: return "bad_gateway";
    case Code::kConnectionLimit: return "connection_limit";
    case Code::kUnavailable: return "unavailable";
    case Code::kGatewayTimeout: return "gateway_timeout";
    case Code::kConnectFailed: return "connect_failed";
    case Code::kConnectTimeout: return "connect_timeout";
    case Code::kOwnResources: return "own_resources";
    case Code::kAddress: return "address";
    case Code::kConfiguration: return "configuration";
    case Code::kInternal: return "internal";
  }
  return "unknown";
}

}  // namespace drover
