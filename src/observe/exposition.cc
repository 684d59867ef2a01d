// prometheus-cpp's structures are filled by hand and given to its serializer: its registry and its own counters, which
// lock, are not used.
#include "observe/exposition.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <utility>

namespace drover::observe {

namespace {

prometheus::MetricType theirs(MetricType type) {
  switch (type) {
    case MetricType::kCounter: return prometheus::MetricType::Counter;
    case MetricType::kGauge: return prometheus::MetricType::Gauge;
    case MetricType::kHistogram: return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

// A new sample of the family, which has its labels alone.
prometheus::ClientMetric& append(prometheus::MetricFamily& family, Labels labels) {
  auto& sample = family.metric.emplace_back();
  sample.label.reserve(labels.size());
  for (const auto& [name, value] : labels) {
    auto& label = sample.label.emplace_back();
    label.name = name;
    label.value = value;
  }
  return sample;
}

}  // namespace

struct Exposition::Families {
  std::vector<prometheus::MetricFamily> list;
};

Exposition::Exposition() : families_(std::make_unique<Families>()) {}
Exposition::~Exposition() = default;

void Exposition::begin(MetricType type, std::string_view name, std::string_view help) {
  auto& family = families_->list.emplace_back();
  family.name = name;
  family.help = help;
  family.type = theirs(type);
}

void Exposition::add(Labels labels, std::uint64_t value) {
  add(labels, static_cast<double>(value));
}

void Exposition::add(Labels labels, double value) {
  auto& family = families_->list.back();
  auto& sample = append(family, labels);
  (family.type == prometheus::MetricType::Counter ? sample.counter.value : sample.gauge.value) = value;
}

void Exposition::add(Labels labels, const Distribution& distribution) {
  auto& histogram = append(families_->list.back(), labels).histogram;
  histogram.sample_count = distribution.count;
  histogram.sample_sum = distribution.sum;
  histogram.bucket.reserve(distribution.buckets.size());
  for (const auto& [bound, up_to] : distribution.buckets) {
    auto& bucket = histogram.bucket.emplace_back();
    bucket.upper_bound = bound;
    bucket.cumulative_count = up_to;
  }
}

std::string Exposition::text() const {
  return prometheus::TextSerializer().Serialize(families_->list);
}

}  // namespace drover::observe
