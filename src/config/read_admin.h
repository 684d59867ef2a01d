// The ports for operators, and the endpoints of all ports of a file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/reader.h"

namespace drover::config {

// All endpoints to listen on, checked against each other.
class Binds {
 public:
  explicit Binds(Reader& reader) : reader_(reader) {}

  // None where it is absent or wrong.
  std::optional<Endpoint> read(const Field& field);
  void add(const Field& field, const Endpoint& endpoint);

 private:
  struct Taken {
    std::string path;
    Endpoint endpoint;
  };
  Reader& reader_;
  std::vector<Taken> taken_;
};

void read_admin(Reader& reader, const Field& map, Binds& binds, Admin& admin);
void read_probes(Reader& reader, const Field& map, Binds& binds, Probes& probes);

}  // namespace drover::config
