// Telling a member may end its connection, but the member goes later: nobody leaves within a loop over all.
#include "app/demo_room.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace drover::app {

namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& message) {
  return message.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

void DemoRoom::join(Member& member, std::uint64_t seen) {
  if (std::ranges::find(members_, &member) != members_.end()) return;
  members_.push_back(&member);
  if (!backends_.empty()) member.tell(backends_);
  for (const auto& line : lines_) {
    if (line.number > seen) member.tell(line.message);
  }
}

void DemoRoom::leave(Member& member) {
  std::erase(members_, &member);
}

void DemoRoom::say(std::string_view from, std::string_view text, std::string_view backend) {
  ++last_line_;
  lines_.push_back(
      {last_line_, text_of(Json{{"line", last_line_}, {"from", from}, {"text", text}, {"backend", backend}})});
  if (lines_.size() > kRemembered) lines_.pop_front();
  for (auto* member : members_) member->tell(lines_.back().message);
}

void DemoRoom::show(const std::vector<DemoBackendView>& backends) {
  auto list = Json::array();
  for (const auto& one : backends) {
    list.push_back({{"name", one.name}, {"state", one.state}, {"sessions", one.sessions}});
  }
  auto message = text_of(Json{{"backends", std::move(list)}});
  if (message == backends_) return;
  backends_ = std::move(message);
  for (auto* member : members_) member->tell(backends_);
}

}  // namespace drover::app
