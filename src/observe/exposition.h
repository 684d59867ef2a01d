// The text format of Prometheus: families of samples, in the order in which they were begun. Whoever gathers the
// numbers knows nothing of the library that writes them (prometheus-cpp). One thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace drover::observe {

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram };

struct Label {
  std::string_view name;
  std::string_view value;  // any UTF-8
};
using Labels = std::initializer_list<Label>;

// The sample of a histogram.
struct Distribution {
  struct Bucket {
    double bound = 0;  // in the unit of the metric
    std::uint64_t up_to = 0;
  };
  std::vector<Bucket> buckets;  // by increasing bound, how many values were at most that; without the one of infinity
  std::uint64_t count = 0;      // of all values
  double sum = 0;
};

class Exposition {
 public:
  Exposition();
  ~Exposition();
  Exposition(const Exposition&) = delete;
  Exposition& operator=(const Exposition&) = delete;

  // The samples that are added from now on are of this metric. No other may have that name. `help`: one sentence.
  void begin(MetricType type, std::string_view name, std::string_view help);

  // No other sample of the metric may have the same labels. Prometheus has doubles only: above 2^53 a count loses its
  // last digits there, and here too.
  void add(Labels labels, std::uint64_t value);
  void add(Labels labels, double value);
  // Of a metric that is a histogram.
  void add(Labels labels, const Distribution& distribution);

  // All of it, in version 0.0.4 of the format.
  std::string text() const;

 private:
  struct Families;
  const std::unique_ptr<Families> families_;
};

}  // namespace drover::observe
