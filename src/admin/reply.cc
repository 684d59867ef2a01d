// The response head: typed, framed, not cached.
#include "admin/reply.h"

#include <nlohmann/json.hpp>

#include "admin/credentials.h"
#include "http/answer.h"

namespace drover::admin {

Reply failure(unsigned status, std::string_view sentence) {
  return json_reply(status, nlohmann::ordered_json{{"error", sentence}});
}

std::string response(const Reply& reply, Body sent) {
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " ";
  text.append(http::reason_of(reply.status));
  text.append("\r\nContent-Type: ").append(reply.content_type).append("\r\nCache-Control: no-store\r\n");
  if (!reply.allow.empty()) text.append("Allow: ").append(reply.allow).append("\r\n");
  if (reply.status == 401) text.append(kChallenges);
  text.append("Content-Length: ").append(std::to_string(reply.body.size())).append("\r\nConnection: close\r\n\r\n");
  if (sent == Body::kSent) text.append(reply.body);
  return text;
}

}  // namespace drover::admin
