// The way of a file: bytes, tree, structure, values. Exceptions of the libraries below end here.
#include "config/load.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <utility>

#include "config/document.h"
#include "config/read_config.h"
#include "config/reader.h"
#include "config/structure.h"

namespace drover::config {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }  // only read
};

void add_error(Diagnostics& diagnostics, const std::string& name, Position position, std::string message) {
  diagnostics.add({Severity::kError, name, position.line, position.column, std::move(message)});
}

void load_into(Loaded& loaded, std::string_view text, const std::string& name, const Environment& environment) {
  const auto document = parse_document(text);
  if (!document) {
    add_error(loaded.diagnostics, name, document.error().position, document.error().message);
    return;
  }
  Reader reader(loaded.diagnostics, name, environment);
  const Field top{document->get(), ""};
  check_structure(reader, top);
  if (!top.is(NodeKind::kMap)) return;
  Config config = read_config(reader, top);
  if (!loaded.diagnostics.has_errors()) loaded.config = std::move(config);
}

}  // namespace

std::optional<std::string> process_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

Loaded load_text(std::string_view text, const std::string& name, const Environment& environment) {
  Loaded loaded;
  try {
    load_into(loaded, text, name, environment);
  } catch (const TooManyErrors&) {
    add_error(loaded.diagnostics, name, {},
              "more than " + std::to_string(kMostErrors) + " errors; these are the first");
  } catch (const std::exception& exception) {
    loaded.config.reset();
    add_error(loaded.diagnostics, name, {}, std::string("cannot be loaded: ") + exception.what());
  }
  return loaded;
}

Loaded load_file(const std::string& path, const Environment& environment) {
  Loaded loaded;
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  std::string text;
  // One byte more than allowed, so that the parser sees that it is too much; /dev/zero ends too.
  text.resize(kLongestFile + 1);
  const std::size_t length = file ? std::fread(text.data(), 1, text.size(), file.get()) : 0;
  if (!file || std::ferror(file.get()) != 0) {
    add_error(loaded.diagnostics, path, {}, std::string("cannot be read: ") + std::strerror(errno));
    return loaded;
  }
  return load_text(std::string_view(text).substr(0, length), path, environment);
}

}  // namespace drover::config
