// docs/metrics.md tells of each metric that there is, and of no other.
#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "counted.h"

namespace drover::admin {

namespace {

// A metric as its documentation has it too: type, and labels without those of the format's own.
struct Described {
  std::string type;
  std::set<std::string> labels;
  bool operator==(const Described&) const = default;
};

std::map<std::string, Described> described_by(const std::string& text) {
  std::map<std::string, Described> all;
  std::string name;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (std::regex_match(line, found, std::regex("# TYPE (\\S+) (\\S+)"))) {
      name = found[1];
      all[name].type = found[2];
    } else if (!line.starts_with('#')) {
      const std::regex label("([a-z]+)=\"");
      for (std::sregex_iterator it(line.begin(), line.end(), label); it != std::sregex_iterator(); ++it) {
        if ((*it)[1] != "le") all[name].labels.insert((*it)[1]);
      }
    }
  }
  return all;
}

std::map<std::string, Described> documented() {
  std::ifstream file(std::string(DROVER_SOURCE_DIR) + "/docs/metrics.md");
  REQUIRE(file.good());
  std::map<std::string, Described> all;
  const std::regex row(R"(\| `(drover_\w+)` \| (\w+) \| ([^|]*)\|.*)");
  const std::regex label("`(\\w+)`");
  for (std::string line; std::getline(file, line);) {
    std::smatch found;
    if (!std::regex_match(line, found, row)) continue;
    const std::string labels = found[3];
    auto& metric = all[found[1]];
    CHECK_MESSAGE(metric.type.empty(), "documented twice: ", line);
    metric.type = found[2];
    for (std::sregex_iterator it(labels.begin(), labels.end(), label); it != std::sregex_iterator(); ++it) {
      metric.labels.insert((*it)[1]);
    }
  }
  return all;
}

// Something of each metric whose series appear only then.
void count_something(Counted& counted) {
  auto& chat = counted.of("chat");
  chat.answers.front().front().add(1);
  chat.ends.front().front().front().add(1);
  const auto backend = make_backend("web-1");
  backend->load().latency.add(std::chrono::microseconds(1500), kNow);
  counted.pools = {make_pool("chat", {backend})};
  counted.status.certificates = {{"/etc/chat.pem", {}}};
}

}  // namespace

TEST_CASE("metrics: docs/metrics.md has the name, type and labels of each, and no others") {
  Counted counted;
  count_something(counted);
  const auto told = described_by(Scrape(counted).text());
  const auto documents = documented();
  for (const auto& [name, metric] : told) {
    CAPTURE(name);
    REQUIRE(documents.contains(name));
    CHECK(documents.at(name).type == metric.type);
    CHECK(documents.at(name).labels == metric.labels);
  }
  for (const auto& [name, metric] : documents) CHECK_MESSAGE(told.contains(name), name);
}

TEST_CASE("metrics: every metric is told of before anything has happened, with one sentence") {
  Counted counted;
  const auto told = described_by(Scrape(counted).text());
  CHECK(told.size() == documented().size());
  std::istringstream lines(Scrape(counted).text());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP")) CHECK_MESSAGE(line.ends_with('.'), line);
  }
}

}  // namespace drover::admin
